// Pemba: checks that are hard to answer.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import PembaCore
import PembaGraph
import PembaService
import PembaTooling

/// Shapes of data that make evaluations explode which do not remember, and what a condition costs; each in a graph of its own.
enum HardCases {
    private static let user = SubjectReference(type: "user", id: "somebody")
    private static let warmChecks = 200

    static func measure() throws -> [Figures.Row] {
        try diamond() + cycle() + longRow() + [conditions()]
    }

    // MARK: Shapes

    /// Thirty levels of two objects, each leading to both of the next level: 2^30 paths.
    private static func diamond() throws -> [Figures.Row] {
        let levels = 30
        let graph = try graph(
            """
            definition user {}
            definition node {
                relation next: node
                relation owner: user
                permission reach = owner + next->reach
            }
            """
        )
        for level in 0..<levels {
            for side in 0..<2 {
                for other in 0..<2 {
                    put(graph, "node", "\(level)-\(side)", "next", object("node", "\(level + 1)-\(other)"))
                }
            }
        }
        put(graph, "node", "elsewhere", "owner", user)
        return try rows("diamond, 30 levels", graph, "node", "0-0", "reach", .hasNot)
    }

    /// Ten thousand groups, each a member of the next.
    private static func cycle() throws -> [Figures.Row] {
        let groups = 10_000
        let graph = try graph("definition user {}\ndefinition group {\n relation member: user | group#member\n}")
        for group in 0..<groups {
            let next = SubjectReference(type: "group", id: "g\((group + 1) % groups)", relation: "member")
            put(graph, "group", "g\(group)", "member", next)
        }
        put(graph, "group", "elsewhere", "member", user)
        return try rows("cycle of 10,000 groups", graph, "group", "g0", "member", .hasNot)
    }

    /// A document with a million viewers.
    private static func longRow() throws -> [Figures.Row] {
        let graph = try graph("definition user {}\ndefinition document {\n relation viewer: user\n}")
        for viewer in 0..<1_000_000 { put(graph, "document", "d", "viewer", object("user", "viewer-\(viewer)")) }
        put(graph, "document", "d", "viewer", user)
        put(graph, "document", "elsewhere", "viewer", user)
        return try rows("row of 1,000,000 subjects", graph, "document", "d", "viewer", .has)
    }

    /// The first check of a graph, after another one has taken the caches, and then many.
    private static func rows(
        _ name: String,
        _ graph: Graph,
        _ type: String,
        _ id: String,
        _ permission: String,
        _ expected: Decision
    ) throws -> [Figures.Row] {
        let item = CheckItem(resource: ObjectReference(type: type, id: id), permission: permission, subject: user)
        var cold = Duration.zero
        var warm = Latencies.latencies()
        for number in 0...warmChecks {
            let begin = ContinuousClock.now
            let answer = try graph.check(item)
            let spent = ContinuousClock.now - begin
            guard answer == expected else { throw ToolError("a wrong answer: \(name)") }
            if number == 0 { cold = spent } else { warm.record(spent.inNanoseconds) }
        }
        return [
            Figures.Row(name: "\(name), first check", value: cold.inSeconds * 1_000, unit: "ms"),
            Figures.Row(name: "\(name), then", value: warm.microseconds(50) / 1_000, unit: "ms"),
        ]
    }

    // MARK: Conditions

    /// How much longer a check through five folders and three groups takes if the last membership has a condition that is
    /// evaluated, with values from the tuple and from the request.
    private static func conditions() throws -> Figures.Row {
        let chains = 2_000
        let graph = try graph(
            """
            caveat clearance(level int, needed int) { level >= needed }
            definition user {}
            definition group {
                relation member: user | group#member | user with clearance
            }
            definition folder {
                relation parent: folder
                relation viewer: user | group#member
                permission view = viewer + parent->view
            }
            definition document {
                relation parent: folder
                relation viewer: user | group#member
                permission view = viewer + parent->view
            }
            """
        )
        for chain in 0..<chains { try putChain(graph, chain) }
        let context = ContextObject([("level", .int(5))])
        let plain = try time(graph, chains, "plain", .empty)
        let conditioned = try time(graph, chains, "conditioned", context)
        return Figures.Row(
            name: "nested check with a condition : without",
            value: conditioned.inSeconds / plain.inSeconds,
            unit: "time ratio"
        )
    }

    /// A document in five folders and three groups whose innermost has two members, one of them with a condition.
    private static func putChain(_ graph: Graph, _ chain: Int) throws {
        put(graph, "document", "d\(chain)", "parent", object("folder", "f\(chain)-0"))
        for depth in 0..<4 {
            put(graph, "folder", "f\(chain)-\(depth)", "parent", object("folder", "f\(chain)-\(depth + 1)"))
        }
        func members(_ depth: Int) -> SubjectReference {
            SubjectReference(type: "group", id: "g\(chain)-\(depth)", relation: "member")
        }
        put(graph, "folder", "f\(chain)-4", "viewer", members(0))
        for depth in 0..<2 { put(graph, "group", "g\(chain)-\(depth)", "member", members(depth + 1)) }
        put(graph, "group", "g\(chain)-2", "member", object("user", "plain\(chain)"))
        var tuple = RelationTuple(
            resource: ObjectReference(type: "group", id: "g\(chain)-2"),
            relation: "member",
            subject: object("user", "conditioned\(chain)")
        )
        tuple.caveat = CaveatReference(name: "clearance", context: ContextObject([("needed", .int(Int64(chain % 5)))]))
        try graph.validate(tuple)
        graph.put(tuple)
    }

    /// The shortest of a few passes over all chains.
    private static func time(
        _ graph: Graph,
        _ chains: Int,
        _ member: String,
        _ context: ContextObject
    ) throws -> Duration {
        let items = (0..<chains).map { chain in
            CheckItem(
                resource: ObjectReference(type: "document", id: "d\(chain)"),
                permission: "view",
                subject: object("user", "\(member)\(chain)"),
                context: context
            )
        }
        var best = Duration.seconds(60)
        for _ in 0..<10 {
            let begin = ContinuousClock.now
            for item in items where try graph.check(item) != .has { throw ToolError("a wrong answer: \(item)") }
            best = min(best, ContinuousClock.now - begin)
        }
        return best
    }

    // MARK: Parts

    private static func graph(_ source: String) throws -> Graph {
        let graph = Graph()
        try graph.replaceSchema(try SchemaFile(source: source, name: "benchmark schema", folder: ".").compiled())
        return graph
    }

    private static func object(_ type: String, _ id: String) -> SubjectReference {
        SubjectReference(type: type, id: id)
    }

    private static func put(
        _ graph: Graph,
        _ type: String,
        _ id: String,
        _ relation: String,
        _ subject: SubjectReference
    ) {
        let resource = ObjectReference(type: type, id: id)
        graph.put(RelationTuple(resource: resource, relation: relation, subject: subject))
    }
}
