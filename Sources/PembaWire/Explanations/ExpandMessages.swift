// Pemba: what a permission is made of, in frames.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension ExpandRequest {
    /// Appends the payload of an `expand` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.object(resource)
        output.string(permission)
        output.boolean(isRecursive)
        output.tuples(contextualTuples)
    }

    /// Reads the payload of an `expand` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<ExpandRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            ExpandRequest(
                consistency: try Consistency(decoding: &reader),
                resource: try reader.object(),
                permission: try reader.string(limit: Limits.relationNameBytes),
                isRecursive: try reader.boolean(field: "recursive"),
                contextualTuples: try reader.contextualTuples()
            )
        }
    }
}

extension ExpandAnswer {
    /// Appends the payload of an `expandAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        tree.encode(level: 0, into: &output)
    }

    /// Reads the payload of an `expandAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        var budget = TreeBudget()
        let tree = try ExpandTree(reading: &reader, &budget)
        try reader.expectEnd()
        self.init(tree: tree, zookie: zookie)
    }
}

/// What a node of an expansion is, in a frame.
private enum ContentTag: UInt8 {
    case leaf = 1
    case union = 2
    case intersection = 3
    case exclusion = 4
    case all = 5
    case empty = 6
    case itself = 7
    case repeated = 8
    case truncated = 9
}

extension ExpandTree {
    /// Appends the tree; what lies deeper than `Limits.explanationDepth` is written as truncated.
    fileprivate func encode(level: Int, into output: inout ByteWriter) {
        output.object(resource)
        output.string(permission)
        let hasChildren =
            switch content {
            case .leaf(let leaves): leaves.contains { $0.expansion != nil }
            case .union, .intersection, .exclusion, .all: true
            case .empty, .itself, .repeated, .truncated: false
            }
        guard !hasChildren || level < Limits.explanationDepth else {
            return output.integer(ContentTag.truncated.rawValue)
        }
        switch content {
        case .leaf(let leaves):
            output.integer(ContentTag.leaf.rawValue)
            output.count(leaves.count)
            for leaf in leaves {
                output.tuple(leaf.tuple)
                output.boolean(leaf.expansion != nil)
                leaf.expansion?.encode(level: level + 1, into: &output)
            }
        case .union(let parts): ExpandTree.encode(parts, .union, level: level, into: &output)
        case .intersection(let parts): ExpandTree.encode(parts, .intersection, level: level, into: &output)
        case .exclusion(let parts): ExpandTree.encode(parts, .exclusion, level: level, into: &output)
        case .all(let parts): ExpandTree.encode(parts, .all, level: level, into: &output)
        case .empty: output.integer(ContentTag.empty.rawValue)
        case .itself: output.integer(ContentTag.itself.rawValue)
        case .repeated: output.integer(ContentTag.repeated.rawValue)
        case .truncated: output.integer(ContentTag.truncated.rawValue)
        }
    }

    private static func encode(
        _ parts: [ExpandTree],
        _ tag: ContentTag,
        level: Int,
        into output: inout ByteWriter
    ) {
        output.integer(tag.rawValue)
        output.count(parts.count)
        for part in parts { part.encode(level: level + 1, into: &output) }
    }

    fileprivate init(reading reader: inout ByteReader, _ budget: inout TreeBudget) throws(ByteError) {
        try budget.take()
        let resource = try reader.object()
        let permission = try reader.string(limit: Limits.relationNameBytes)
        let tag: UInt8 = try reader.integer()
        let content: Content
        switch ContentTag(rawValue: tag) {
        case .leaf: content = .leaf(try Leaf.list(&reader, &budget))
        case .union: content = .union(try ExpandTree.parts(&reader, &budget))
        case .intersection: content = .intersection(try ExpandTree.parts(&reader, &budget))
        case .exclusion: content = .exclusion(try ExpandTree.parts(&reader, &budget))
        case .all: content = .all(try ExpandTree.parts(&reader, &budget))
        case .empty: content = .empty
        case .itself: content = .itself
        case .repeated: content = .repeated
        case .truncated: content = .truncated
        case nil: throw .invalidValue(field: "expansion", value: UInt64(tag))
        }
        self.init(resource: resource, permission: permission, content: content)
    }

    private static func parts(
        _ reader: inout ByteReader,
        _ budget: inout TreeBudget
    ) throws(ByteError) -> [ExpandTree] {
        try budget.descend { budget throws(ByteError) in
            try reader.list(limit: Limits.explanationNodes) { reader throws(ByteError) in
                try ExpandTree(reading: &reader, &budget)
            }
        }
    }
}

extension ExpandTree.Leaf {
    fileprivate static func list(
        _ reader: inout ByteReader,
        _ budget: inout TreeBudget
    ) throws(ByteError) -> [ExpandTree.Leaf] {
        try reader.list(limit: Limits.explanationNodes) { reader throws(ByteError) in
            try budget.take()
            let tuple = try reader.tuple()
            guard try reader.boolean(field: "expanded") else { return ExpandTree.Leaf(tuple: tuple) }
            let expansion = try budget.descend { budget throws(ByteError) in
                try ExpandTree(reading: &reader, &budget)
            }
            return ExpandTree.Leaf(tuple: tuple, expansion: expansion)
        }
    }
}
