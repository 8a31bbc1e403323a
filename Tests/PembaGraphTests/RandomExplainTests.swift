// Pemba: explanations of random worlds.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: a proof proves, and a suggestion helps, whatever the schema and the cycles.
///
/// Method: the worlds of the random checks; every claim of an explanation is tried on the graph.
@Suite("Random explanations")
struct RandomExplainTests {
    /// One random world and where it came from.
    private struct World {
        let graph: Graph
        let schema: CompiledSchema
        var tuples: [RelationTuple] = []
        let seed: UInt64

        var note: Comment {
            "in \(schema.source) with \(tuples.map(\.description)) \(Seeds.replay(seed, "RandomExplainTests"))"
        }
    }

    private func world(_ random: inout SeededRandom, _ seed: UInt64, tuples count: Int) throws -> World {
        let generator = try RandomWorld(&random, objects: 3, features: [])
        var world = World(graph: Graph(capacity: .small), schema: generator.schema, seed: seed)
        try world.graph.replaceSchema(generator.schema)
        for _ in 0..<count {
            let tuple = generator.tuple(&random)
            if world.graph.insert(tuple) { world.tuples.append(tuple) }
        }
        return world
    }

    private func questions(_ world: World, _ random: inout SeededRandom) -> [CheckItem] {
        let user = SubjectReference(type: "user", id: String(random.below(3)))
        return world.schema.definitions.dropFirst().flatMap { definition in
            definition.relations.map { relation in
                let resource = ObjectReference(type: definition.name, id: String(random.below(3)))
                return CheckItem(resource: resource, permission: relation.name, subject: user)
            }
        }
    }

    @Test("answers are the check's, proofs prove, suggestions help", arguments: Array(Seeds(short: 30, full: 1_000)))
    func claims(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try world(&random, seed, tuples: 6 + random.below(20))
        for item in questions(world, &random) {
            let explanation = try world.graph.explain(item)
            #expect(try explanation.decision == world.graph.check(item), "\(item) \(world.note)")
            if explanation.decision == .has {
                #expect(explanation.suggestions.isEmpty)
                try prove(item, explanation, world)
            } else {
                try help(item, explanation, world)
            }
        }
    }

    // MARK: Proofs

    private func prove(_ item: CheckItem, _ explanation: Explanation, _ world: World) throws {
        var tuples: [RelationTuple] = []
        var hasExclusion = false
        var hasIntersection = false
        collect(explanation.proof, &tuples, &hasExclusion, &hasIntersection)
        #expect(Set(tuples).isSubset(of: world.tuples))
        if hasExclusion { return }
        let rest = world.tuples.filter { !tuples.contains($0) }
        let alone = try world.graph.basis(hiding: rest)
        #expect(try world.graph.check(item, in: alone) == .has, "\(item) by \(tuples) alone \(world.note)")
        // Parts of an intersection may each prove more than the shortest proof asks of them.
        if hasIntersection { return }
        for place in tuples.indices {
            var fewer = rest
            fewer.append(tuples[place])
            let basis = try world.graph.basis(hiding: fewer)
            #expect(
                try world.graph.check(item, in: basis) == .hasNot,
                "\(item) does not need \(tuples[place]) of \(tuples) \(world.note)"
            )
        }
    }

    private func collect(
        _ node: ProofNode,
        _ tuples: inout [RelationTuple],
        _ hasExclusion: inout Bool,
        _ hasIntersection: inout Bool
    ) {
        #expect(node.reason != .truncated)
        switch node.reason {
        case .tuple(let tuple): tuples.append(tuple)
        case .through(let tuple, let node):
            tuples.append(tuple)
            collect(node, &tuples, &hasExclusion, &hasIntersection)
        case .exclusion(let nodes):
            hasExclusion = true
            for node in nodes { collect(node, &tuples, &hasExclusion, &hasIntersection) }
        case .intersection(let nodes):
            hasIntersection = true
            for node in nodes { collect(node, &tuples, &hasExclusion, &hasIntersection) }
        case .union(let nodes):
            for node in nodes { collect(node, &tuples, &hasExclusion, &hasIntersection) }
        case .all(let nodes):
            // Alone, fewer objects are behind the arrow: that one is not needed says nothing.
            hasExclusion = true
            for node in nodes { collect(node, &tuples, &hasExclusion, &hasIntersection) }
        case .identity, .nothing, .repeated, .truncated: break
        }
    }

    // MARK: Suggestions

    private func help(_ item: CheckItem, _ explanation: Explanation, _ world: World) throws {
        for (place, suggestion) in explanation.suggestions.enumerated() {
            #expect(suggestion.context.isEmpty && suggestion.size > 0)
            let basis = try world.graph.basis(adding: suggestion.add, hiding: suggestion.remove)
            #expect(try world.graph.check(item, in: basis) == .has, "\(item) by \(suggestion) \(world.note)")
            for other in explanation.suggestions[..<place] {
                #expect(other.size <= suggestion.size)
                let isContained =
                    Set(other.add).isSubset(of: suggestion.add) && Set(other.remove).isSubset(of: suggestion.remove)
                #expect(!isContained, "\(item): \(other) is part of \(suggestion) \(world.note)")
            }
        }
        if explanation.suggestions.first?.size == 1 { return }
        for tuple in world.tuples {
            let basis = try world.graph.basis(hiding: [tuple])
            #expect(try world.graph.check(item, in: basis) == .hasNot, "\(item) without \(tuple) \(world.note)")
        }
        for tuple in additions(item, world) {
            let basis = try world.graph.basis(adding: [tuple])
            #expect(try world.graph.check(item, in: basis) == .hasNot, "\(item) with \(tuple) \(world.note)")
        }
    }

    /// All tuples that name the question's subject and that the schema admits.
    private func additions(_ item: CheckItem, _ world: World) -> [RelationTuple] {
        world.schema.definitions.dropFirst().flatMap { definition in
            definition.relations.flatMap { relation in
                (0..<3).map { id in
                    let resource = ObjectReference(type: definition.name, id: String(id))
                    return RelationTuple(resource: resource, relation: relation.name, subject: item.subject)
                }
            }
        }.filter { (try? world.graph.validate($0)) != nil }
    }

    @Test("explanations do not depend on the order of writes", arguments: Array(Seeds(short: 10, full: 300)))
    func order(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try world(&random, seed, tuples: 20)
        let reversed = Graph(capacity: .small, hashSeed: 17)
        try reversed.replaceSchema(world.schema)
        for tuple in world.tuples.reversed() { #expect(reversed.insert(tuple)) }
        for item in questions(world, &random) {
            #expect(try reversed.explain(item) == world.graph.explain(item), "\(item) \(world.note)")
            let expansions = try [reversed, world.graph].map {
                try $0.expand(item.resource, item.permission, isRecursive: true)
            }
            #expect(expansions[0] == expansions[1], "\(item) \(world.note)")
        }
    }
}
