// Pemba: random histories.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// A graph and the naive graph that go through the same history: tuples are created, touched and deleted, time passes,
/// what has expired is collected, soon or late, and the schema is replaced.
struct RandomHistory {
    /// What there was at a revision.
    struct State {
        var naive: NaiveGraph
        var world: RandomWorld
        /// What the writer said.
        var note = ContextObject.empty
    }

    let graph: Graph
    private(set) var world: RandomWorld
    private(set) var naive: NaiveGraph
    private(set) var revision = Revision.zero
    /// The state at each revision from 0 on.
    private(set) var states: [State] = []

    init(
        _ random: inout SeededRandom,
        objects: Int,
        limits: HistoryLimits = .none,
        features: RandomSchema.Features = .all
    ) throws {
        world = try RandomWorld(&random, objects: objects, features: features)
        graph = Graph(capacity: .small, history: limits)
        graph.restart(at: .zero, time: Timestamp(nanoseconds: world.time))
        try graph.replaceSchema(world.schema)
        naive = NaiveGraph(world.schema, time: world.time)
        states = [State(naive: naive, world: world)]
    }

    /// One revision more.
    mutating func step(_ random: inout SeededRandom, writes: Int = 6) throws {
        begin(after: Int64(random.below(3)))
        if random.chance(1, in: 2) { graph.collectExpired(limit: 1 + random.below(4)) }
        var note = ContextObject.empty
        if random.chance(1, in: 10) {
            try replaceSchema(&random)
        } else {
            for _ in 0..<(1 + random.below(writes)) { try write(&random) }
            if random.chance(1, in: 4) {
                note = ContextObject([("number", .int(Int64(revision.rawValue)))])
                graph.note(note)
            }
        }
        states.append(State(naive: naive, world: world, note: note))
    }

    private mutating func begin(after span: Int64) {
        revision = Revision(revision.rawValue + 1)
        world.time += span
        naive.time = world.time
        graph.begin(revision, time: Timestamp(nanoseconds: world.time))
    }

    private mutating func write(_ random: inout SeededRandom) throws {
        let choice = random.below(10)
        guard choice < 8 else { return try importBatch(&random) }
        let known = choice < 4 ? naive.tuples : []
        if choice < 2, !known.isEmpty {
            let tuple = known[random.below(known.count)]
            #expect(graph.remove(tuple.key) == naive.remove(tuple), "\(tuple)")
        } else if choice == 7 {
            let tuple = world.tuple(&random)
            #expect(graph.remove(tuple) == naive.remove(tuple), "\(tuple)")
        } else {
            let tuple = known.isEmpty ? world.tuple(&random) : world.again(known[random.below(known.count)], &random)
            try graph.validate(tuple)
            #expect(graph.put(tuple) == naive.put(tuple), "\(tuple)")
            // What has expired before it came is not there.
            #expect(graph.stored(tuple.key) == naive.stored(tuple), "\(tuple)")
        }
    }

    private mutating func importBatch(_ random: inout SeededRandom) throws {
        var tuples: [RelationTuple] = []
        for _ in 0...random.below(4) {
            let known = random.chance(1, in: 2) ? naive.tuples : []
            tuples.append(known.isEmpty ? world.tuple(&random) : world.again(known[random.below(known.count)], &random))
        }
        let batch = TupleBatch(tuples)
        let isKeeping = random.chance(1, in: 2)
        #expect(graph.firstInvalid(of: batch) == nil)
        #expect(graph.firstStored(of: batch)?.tuple == tuples.first { naive.stored($0) != nil }, "\(tuples)")
        var created = 0
        var existing = 0
        for tuple in tuples {
            guard !isKeeping || naive.stored(tuple) == nil else {
                existing += 1
                continue
            }
            switch naive.put(tuple) {
            case .created: created += 1
            case .touched, .unchanged, .removed: existing += 1
            case .expired: break
            }
        }
        #expect(graph.put(batch, keepingStored: isKeeping) == (created, existing), "\(tuples)")
    }

    private mutating func replaceSchema(_ random: inout SeededRandom) throws {
        graph.collectExpired(limit: .max)
        let parts = world.parts.changed(&random)
        let schema = try parts.compiled()
        if naive.replaceSchema(schema) {
            try graph.replaceSchema(schema)
            try world.replace(parts)
        } else {
            #expect(throws: GraphError.self) { try graph.replaceSchema(schema) }
        }
    }

    /// Removes all tuples in one revision, then lets time pass in another one.
    mutating func end(after span: Int64) {
        begin(after: 0)
        graph.collectExpired(limit: .max)
        for tuple in naive.tuples {
            graph.remove(tuple)
            naive.remove(tuple)
        }
        states.append(State(naive: naive, world: world))
        begin(after: span)
        states.append(State(naive: naive, world: world))
    }

    // MARK: Comparing

    /// Asks about a random subject with a random context, and compares every answer with the definition's.
    ///
    /// `naive` is what there should be in `basis`, without either the present state.
    func compare(
        in basis: Basis? = nil,
        with naive: NaiveGraph? = nil,
        of world: RandomWorld? = nil,
        isSliced: Bool = false,
        _ random: inout SeededRandom,
        _ comment: Comment
    ) throws {
        let naive = naive ?? self.naive
        let world = world ?? self.world
        let subject = world.subject(&random)
        let context = world.context(&random)
        let resources = world.resources
        let answers = naive.answers(about: subject, context: context, more: resources)
        for resource in resources {
            guard let definition = world.schema.definitions.first(where: { $0.name == resource.type }) else { continue }
            for relation in definition.relations {
                let problem = NaiveGraph.Problem(object: resource, name: relation.name)
                let item = CheckItem(resource: resource, permission: relation.name, subject: subject, context: context)
                let answer = try graph.answer(item, in: basis, slice: isSliced ? 3 : Limits.evaluationVisits)
                let expected: Decision =
                    switch answers.truth(problem) {
                    case .no: .hasNot
                    case .yes: .has
                    case .maybe: Decision(.conditional, missingContext: answers.missing(problem).sorted())
                    }
                guard answer != expected else { continue }
                Issue.record(
                    "\(item) is \(answer), not \(expected), in \(world.schema.source) with \(naive.tuples) at \(naive.time): \(comment)"
                )
                return
            }
        }
    }
}
