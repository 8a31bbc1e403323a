// Pemba: tests of expansions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaGraph

@Suite("Expand")
struct ExpandTests {
    private static let documents = """
        use expiration
        use self
        definition user {}
        definition group { relation member: user | group#member; }
        definition folder {
            relation viewer: user | group#member
            permission view = viewer
        }
        definition document {
            relation parent: folder
            relation owner: user
            relation viewer: user | user with expiration | group#member
            relation banned: user
            permission edit = owner
            permission view = (viewer + edit + parent->view) - banned
            permission inherit = parent.all(view)
            permission nobody = nil & self
        }
        """

    /// A tree as text, one line, so that tests can be read.
    private func text(_ tree: ExpandTree) -> String {
        let name = tree.permission.isEmpty ? "" : "\(tree.resource.id)#\(tree.permission) "
        switch tree.content {
        case .leaf(let leaves):
            let parts = leaves.map { leaf in "\(leaf.tuple.subject)" + (leaf.expansion.map { " = \(text($0))" } ?? "") }
            return name + "{" + parts.joined(separator: ", ") + "}"
        case .union(let parts): return name + list("+", parts)
        case .intersection(let parts): return name + list("&", parts)
        case .exclusion(let parts): return name + list("-", parts)
        case .all(let parts): return name + list("all", parts)
        case .empty: return name + "nil"
        case .itself: return name + "self"
        case .repeated: return name + "repeated"
        case .truncated: return name + "truncated"
        }
    }

    private func list(_ operation: String, _ parts: [ExpandTree]) -> String {
        "\(operation)(" + parts.map { text($0) }.joined(separator: ", ") + ")"
    }

    private func expand(_ graph: Graph, _ id: String, _ permission: String, isRecursive: Bool = false) throws -> String
    {
        let resource = ObjectReference(type: "document", id: id)
        return try text(graph.expand(resource, permission, isRecursive: isRecursive))
    }

    @Test("shows the operations of every expression with the tuples at their ends, in the order of reads")
    func shallow() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#viewer@user:zoe", "document:1#viewer@group:g#member", "document:1#viewer@user:ann",
                "document:1#parent@folder:b", "document:1#parent@folder:a", "folder:a#viewer@user:bob",
                "document:1#banned@user:eve", "group:g#member@user:carl",
            ]
        )
        #expect(
            try expand(graph, "1", "view")
                == "1#view -(+(1#viewer {group:g#member, user:ann, user:zoe}, 1#edit +(1#owner {}), "
                + "+(a#view +(a#viewer {user:bob}), b#view +(b#viewer {}))), 1#banned {user:eve})"
        )
        #expect(
            try expand(graph, "1", "inherit") == "1#inherit all(a#view +(a#viewer {user:bob}), b#view +(b#viewer {}))"
        )
        #expect(try expand(graph, "1", "nobody") == "1#nobody &(nil, self)")
        #expect(try expand(graph, "unknown", "edit") == "unknown#edit +(unknown#owner {})")
    }

    @Test("expands usersets on demand, each once, cycles included")
    func recursive() throws {
        let graph = try graph(
            Self.documents,
            [
                "document:1#viewer@group:g#member", "group:g#member@group:h#member", "group:h#member@group:g#member",
                "group:h#member@user:ann",
            ]
        )
        #expect(
            try expand(graph, "1", "viewer", isRecursive: true)
                == "1#viewer {group:g#member = g#member {group:h#member = h#member "
                + "{group:g#member = g#member repeated, user:ann}}}"
        )
    }

    @Test("leaves out what has expired, and shows what has not begun")
    func times() throws {
        let graph = try graph(Self.documents)
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1_000_000_000))
        let times: [(user: String, expiresAt: Int64, notBefore: Int64?)] = [
            ("gone", 1_000_000_000, nil), ("present", 9_000_000_000, nil), ("future", 9_000_000_000, 5_000_000_000),
        ]
        for (user, expiresAt, notBefore) in times {
            var tuple = try tuple("document:1#viewer@user:\(user)")
            tuple.expiresAt = Timestamp(nanoseconds: expiresAt)
            tuple.notBefore = notBefore.map { Timestamp(nanoseconds: $0) }
            try graph.validate(tuple)
            graph.put(tuple)
        }
        #expect(try expand(graph, "1", "viewer") == "1#viewer {user:future, user:present}")
    }

    @Test("marks where it was cut")
    func cut() throws {
        let graph = try graph(Self.documents)
        for number in 0...Limits.explanationNodes { try graph.add("document:1#viewer@user:\(number)") }
        let resource = ObjectReference(type: "document", id: "1")
        guard case .union(let parts) = try graph.expand(resource, "viewer").content,
            case .leaf(let leaves) = parts[0].content
        else {
            Issue.record("nothing was cut")
            return
        }
        // All but the first node, the one with the tuples and the mark.
        #expect(leaves.count == Limits.explanationNodes - 3)
        #expect(parts[1].content == .truncated)
    }

    @Test("what fits exactly is not cut, and one more is")
    func exactly() throws {
        let graph = try graph(Self.documents)
        for number in 1..<Limits.explanationNodes { try graph.add("document:1#viewer@user:\(number)") }
        let resource = ObjectReference(type: "document", id: "1")
        let tree = try graph.expand(resource, "viewer")
        #expect(size(tree) == Limits.explanationNodes)
        guard case .leaf = tree.content else {
            Issue.record("what fits was cut")
            return
        }
        try graph.add("document:1#viewer@user:more")
        #expect(try size(graph.expand(resource, "viewer")) == Limits.explanationNodes)
    }

    /// Nodes and leaves of a tree, as a receiver counts them.
    private func size(_ tree: ExpandTree) -> Int {
        switch tree.content {
        case .leaf(let leaves): leaves.reduce(1) { $0 + 1 + ($1.expansion.map(size) ?? 0) }
        case .union(let parts), .intersection(let parts), .exclusion(let parts), .all(let parts):
            parts.reduce(1) { $0 + size($1) }
        case .empty, .itself, .repeated, .truncated: 1
        }
    }

    @Test("a wide expansion stays within its nodes and says that it was cut", arguments: [true, false])
    func wide(isRecursive: Bool) throws {
        let source = """
            definition user {}
            definition group {
                relation member: user
            }
            definition folder {
                relation viewer: user | group#member
            }
            definition document {
                relation parent: folder
                relation viewer: group#member
                permission view = parent->viewer + viewer
            }
            """
        let graph = try graph(source)
        for number in 0..<(Limits.explanationNodes + 2_000) {
            try graph.add("document:1#parent@folder:\(number)")
            try graph.add("document:2#viewer@group:\(number)#member")
            try graph.add("group:\(number)#member@user:a")
            try graph.add("folder:\(number)#viewer@user:a")
        }
        for id in ["1", "2"] {
            let resource = ObjectReference(type: "document", id: id)
            let tree = try graph.expand(resource, "view", isRecursive: isRecursive)
            #expect((Limits.explanationNodes - 2...Limits.explanationNodes).contains(size(tree)))
            #expect("\(tree)".contains("truncated"))
        }
    }

    @Test("sees contextual tuples, and refuses unknown names")
    func contextual() throws {
        let graph = try graph(Self.documents)
        let resource = ObjectReference(type: "document", id: "1")
        let basis = try graph.basis(adding: [tuple("document:1#owner@user:ann")])
        #expect(try text(graph.expand(resource, "edit", in: basis)) == "1#edit +(1#owner {user:ann})")
        #expect(throws: GraphError.unknownRelation(definition: "document", relation: "fly")) {
            try graph.expand(resource, "fly")
        }
    }
}
