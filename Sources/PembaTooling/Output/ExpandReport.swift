// Pemba: expansions for people and for programs.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// The answer of `expand`.
package struct ExpandReport: Encodable {
    private let tree: Node
    private let revision: UInt64
    private let zookie: String
    private let lines: TreeText

    private enum CodingKeys: CodingKey {
        case tree
        case revision
        case zookie
    }

    package init(_ answer: ExpandAnswer) {
        tree = Node(answer.tree)
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
        lines = ExpandReport.lines(of: answer.tree)
    }

    /// A tree of lines.
    package var text: String { lines.text + "(revision \(revision))\n" }

    /// A node as JSON: `kind` says how the `children` or `tuples` make it up.
    private struct Node: Encodable {
        let object: String
        let permission: String?
        let kind: String
        let tuples: [Leaf]?
        let children: [Node]?

        init(_ tree: ExpandTree) {
            object = tree.resource.description
            permission = tree.permission.isEmpty ? nil : tree.permission
            kind = ExpandReport.kind(of: tree.content)
            if case .leaf(let leaves) = tree.content { tuples = leaves.map(Leaf.init) } else { tuples = nil }
            let parts = ExpandReport.parts(of: tree.content)
            children = parts.isEmpty ? nil : parts.map(Node.init)
        }
    }

    private struct Leaf: Encodable {
        let tuple: TupleReport
        let expansion: [Node]?

        init(_ leaf: ExpandTree.Leaf) {
            tuple = TupleReport(leaf.tuple)
            expansion = leaf.expansion.map { [Node($0)] }
        }
    }

    private static func kind(of content: ExpandTree.Content) -> String {
        switch content {
        case .leaf: "tuples"
        case .union: "union"
        case .intersection: "intersection"
        case .exclusion: "exclusion"
        case .all: "all"
        case .empty: "empty"
        case .itself: "self"
        case .repeated: "repeated"
        case .truncated: "truncated"
        }
    }

    private static func parts(of content: ExpandTree.Content) -> [ExpandTree] {
        switch content {
        case .union(let parts), .intersection(let parts), .exclusion(let parts), .all(let parts): parts
        case .leaf, .empty, .itself, .repeated, .truncated: []
        }
    }

    private static func lines(of tree: ExpandTree) -> TreeText {
        let name = tree.permission.isEmpty ? "" : "\(tree.resource)#\(tree.permission)"
        func line(_ what: String) -> String { [name, what].filter { !$0.isEmpty }.joined(separator: "  ") }
        let children = parts(of: tree.content).map(lines)
        switch tree.content {
        case .leaf(let leaves):
            return TreeText(
                line(leaves.isEmpty ? "no tuples" : ""),
                leaves.map { TreeText("\($0.tuple)", $0.expansion.map { [lines(of: $0)] } ?? []) }
            )
        case .union: return TreeText(line("any of"), children)
        case .intersection: return TreeText(line("all of"), children)
        case .exclusion: return TreeText(line("the first without the others"), children)
        case .all: return TreeText(line("every one of"), children)
        case .empty: return TreeText(line("nobody"))
        case .itself: return TreeText(line("\(tree.resource) itself"))
        case .repeated: return TreeText(line("expanded elsewhere in this tree"))
        case .truncated: return TreeText(line("… the expansion is cut short here"))
        }
    }
}
