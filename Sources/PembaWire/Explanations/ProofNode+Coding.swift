// Pemba: the steps of an explanation in frames.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// What a step rests on, in a frame.
private enum ReasonTag: UInt8 {
    case identity = 1
    case tuple = 2
    case through = 3
    case union = 4
    case intersection = 5
    case exclusion = 6
    case all = 7
    case nothing = 8
    case repeated = 9
    case truncated = 10
}

extension ProofNode {
    /// Appends the step and those below; what lies deeper than `Limits.explanationDepth` is written as truncated.
    func encode(level: Int = 0, into output: inout ByteWriter) {
        output.object(resource)
        output.string(permission)
        output.decision(decision)
        let hasChildren =
            switch reason {
            case .through, .union, .intersection, .exclusion, .all: true
            case .identity, .tuple, .nothing, .repeated, .truncated: false
            }
        guard !hasChildren || level < Limits.explanationDepth else {
            return output.integer(ReasonTag.truncated.rawValue)
        }
        switch reason {
        case .identity: output.integer(ReasonTag.identity.rawValue)
        case .tuple(let tuple):
            output.integer(ReasonTag.tuple.rawValue)
            output.tuple(tuple)
        case .through(let tuple, let next):
            output.integer(ReasonTag.through.rawValue)
            output.tuple(tuple)
            next.encode(level: level + 1, into: &output)
        case .union(let parts): ProofNode.encode(parts, .union, level: level, into: &output)
        case .intersection(let parts): ProofNode.encode(parts, .intersection, level: level, into: &output)
        case .exclusion(let parts): ProofNode.encode(parts, .exclusion, level: level, into: &output)
        case .all(let parts): ProofNode.encode(parts, .all, level: level, into: &output)
        case .nothing: output.integer(ReasonTag.nothing.rawValue)
        case .repeated: output.integer(ReasonTag.repeated.rawValue)
        case .truncated: output.integer(ReasonTag.truncated.rawValue)
        }
    }

    private static func encode(_ parts: [ProofNode], _ tag: ReasonTag, level: Int, into output: inout ByteWriter) {
        output.integer(tag.rawValue)
        output.count(parts.count)
        for part in parts { part.encode(level: level + 1, into: &output) }
    }

    init(reading reader: inout ByteReader, _ budget: inout TreeBudget) throws(ByteError) {
        try budget.take()
        let resource = try reader.object()
        let permission = try reader.string(limit: Limits.relationNameBytes)
        let decision = try reader.decision()
        let tag: UInt8 = try reader.integer()
        let reason: Reason
        switch ReasonTag(rawValue: tag) {
        case .identity: reason = .identity
        case .tuple: reason = .tuple(try reader.tuple())
        case .through:
            let tuple = try reader.tuple()
            let next = try budget.descend { budget throws(ByteError) in try ProofNode(reading: &reader, &budget) }
            reason = .through(tuple, next)
        case .union: reason = .union(try ProofNode.parts(&reader, &budget))
        case .intersection: reason = .intersection(try ProofNode.parts(&reader, &budget))
        case .exclusion: reason = .exclusion(try ProofNode.parts(&reader, &budget))
        case .all: reason = .all(try ProofNode.parts(&reader, &budget))
        case .nothing: reason = .nothing
        case .repeated: reason = .repeated
        case .truncated: reason = .truncated
        case nil: throw .invalidValue(field: "proof", value: UInt64(tag))
        }
        self.init(resource: resource, permission: permission, decision: decision, reason: reason)
    }

    private static func parts(
        _ reader: inout ByteReader,
        _ budget: inout TreeBudget
    ) throws(ByteError) -> [ProofNode] {
        try budget.descend { budget throws(ByteError) in
            try reader.list(limit: Limits.explanationNodes) { reader throws(ByteError) in
                try ProofNode(reading: &reader, &budget)
            }
        }
    }
}
