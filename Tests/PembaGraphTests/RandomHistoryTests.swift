// Pemba: the past against the definitions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: every revision that is kept reads and answers as it did when it was the present, and what is not kept leaves
/// nothing behind.
@Suite("Random histories")
struct RandomHistoryTests {
    private static func replay(_ seed: UInt64) -> Comment { "\(Seeds.replay(seed, "RandomHistoryTests"))" }

    private static func randomLimits(_ random: inout SeededRandom) -> HistoryLimits {
        HistoryLimits(
            changes: [1, 4, 30, 5_000][random.below(4)],
            span: [TimeSpan(nanoseconds: 5), TimeSpan(nanoseconds: 20), .seconds(1)][random.below(3)]
        )
    }

    @Test("a revision of the past is what it was, or is refused", arguments: Array(Seeds(short: 20, full: 1_500)))
    func past(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let limits = Self.randomLimits(&random)
        var history = try RandomHistory(&random, objects: 2 + random.below(3), limits: limits)
        for _ in 0..<25 {
            try history.step(&random)
            for _ in 0..<3 {
                let revision = Revision(UInt64(random.below(history.states.count)))
                try expectPast(history, revision, &random, seed)
            }
            try expectTimes(history, &random, seed)
        }
        if limits.changes == 5_000, limits.span == .seconds(1) { #expect(history.graph.oldestRevision == .zero) }
    }

    private func expectPast(
        _ history: RandomHistory,
        _ revision: Revision,
        _ random: inout SeededRandom,
        _ seed: UInt64
    ) throws {
        let graph = history.graph
        guard revision >= graph.oldestRevision else {
            #expect(throws: GraphError.tooOld(oldest: graph.oldestRevision)) { try graph.basis(at: revision) }
            return
        }
        let state = history.states[Int(revision.rawValue)]
        let basis = try graph.basis(at: revision)
        #expect(graph.all(in: basis, limit: 9) == state.naive.tuples, "at \(revision): \(Self.replay(seed))")
        try history.compare(in: basis, with: state.naive, of: state.world, &random, Self.replay(seed))
        // And with tuples of its time added and hidden.
        var expected = state.naive
        let hidden = expected.tuples.filter { _ in random.chance(1, in: 4) }
        let added = (0..<random.below(6)).map { _ in state.world.tuple(&random) }
        for tuple in hidden { expected.remove(tuple) }
        for tuple in added { expected.put(tuple) }
        let changed = try graph.basis(at: revision, adding: added, hiding: hidden.map(\.key))
        #expect(graph.all(in: changed, limit: 9) == expected.tuples, "at \(revision): \(Self.replay(seed))")
        try history.compare(in: changed, with: expected, of: state.world, isSliced: true, &random, Self.replay(seed))
    }

    private func expectTimes(_ history: RandomHistory, _ random: inout SeededRandom, _ seed: UInt64) throws {
        let graph = history.graph
        let oldest = history.states[Int(graph.oldestRevision.rawValue)].world.time
        let time = oldest + Int64(random.below(12)) - 2
        guard time >= oldest else {
            #expect(throws: GraphError.tooOld(oldest: graph.oldestRevision)) {
                try graph.revision(at: Timestamp(nanoseconds: time))
            }
            return
        }
        let expected = history.states.lastIndex { $0.world.time <= time } ?? 0
        #expect(
            try graph.revision(at: Timestamp(nanoseconds: time)) == Revision(UInt64(expected)),
            Self.replay(seed)
        )
    }

    @Test(
        "nothing is left of tuples that are gone and of a history that is over",
        arguments: Array(Seeds(short: 20, full: 1_000))
    )
    func leaks(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let limits = HistoryLimits(changes: [1, 4, 30, 5_000][random.below(4)], span: TimeSpan(nanoseconds: 10))
        var history = try RandomHistory(&random, objects: 2 + random.below(3), limits: limits)
        let graph = history.graph
        let used = graph.rows.arena.usedBytes
        for _ in 0..<3 {
            for _ in 0..<15 { try history.step(&random) }
            history.end(after: 1_000)
            #expect(graph.tupleCount == 0 && graph.contentHash == .zero, Self.replay(seed))
            #expect(graph.entityCount == 0 && graph.history.count == 0, Self.replay(seed))
            #expect(graph.history.sizes.total == 0, Self.replay(seed))
            #expect(graph.conditions.count == 0 && graph.traits.count == 0, Self.replay(seed))
            #expect(graph.nextDue == nil && graph.oldestRevision == history.revision, Self.replay(seed))
            let arena = graph.rows.arena
            #expect(arena.usedBytes - arena.freeBytes == used, Self.replay(seed))
        }
    }

    @Test(
        "who follows the changes from any place, however many at a time, has the same tuples",
        arguments: Array(Seeds(short: 20, full: 1_000))
    )
    func changes(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try RandomHistory(&random, objects: 2 + random.below(3), limits: Self.randomLimits(&random))
        for _ in 0..<30 { try history.step(&random) }
        let graph = history.graph
        let start = Revision(UInt64(random.below(history.states.count)))
        var place = HistoryPlace(after: start)
        guard start >= graph.oldestRevision else {
            #expect(!graph.reaches(place))
            #expect(throws: GraphError.tooOld(oldest: graph.oldestRevision)) {
                try graph.nextItem(after: &place, limit: 1)
            }
            return
        }
        var copy: [RelationTuple: RelationTuple] = [:]
        for tuple in history.states[Int(start.rawValue)].naive.tuples { copy[tuple.key] = tuple }
        while let item = try graph.nextItem(after: &place, limit: 1 + random.below(5)) {
            let state = history.states[Int(revision(of: item).rawValue)]
            switch item {
            case .schema(_, let source): #expect(source == state.world.schema.source, Self.replay(seed))
            case .changes(_, let time, let changes, let metadata, let isLast):
                #expect(time.nanoseconds == state.world.time && metadata == state.note, Self.replay(seed))
                #expect(!changes.isEmpty, Self.replay(seed))
                for change in changes { apply(change, to: &copy, seed) }
                guard isLast else { continue }
            }
            let tuples = copy.values.filter { $0.expiresAt.map { $0.nanoseconds > state.world.time } ?? true }
            #expect(tuples.sorted { $0.precedes($1) } == state.naive.tuples, Self.replay(seed))
        }
        #expect(place == HistoryPlace(after: history.revision))
        let tuples = copy.values.filter { $0.expiresAt.map { $0.nanoseconds > history.world.time } ?? true }
        #expect(tuples.sorted { $0.precedes($1) } == history.naive.tuples, Self.replay(seed))
    }

    private func revision(of item: HistoryItem) -> Revision {
        switch item {
        case .changes(let revision, _, _, _, _), .schema(let revision, _): revision
        }
    }

    private func apply(_ change: TupleChange, to copy: inout [RelationTuple: RelationTuple], _ seed: UInt64) {
        let tuple = change.tuple
        switch change.kind {
        case .created:
            #expect(copy.updateValue(tuple, forKey: tuple.key) == nil, "\(tuple) \(Self.replay(seed))")
        case .touched:
            let before = copy.updateValue(tuple, forKey: tuple.key)
            #expect(before != nil && before != tuple, "\(tuple) \(Self.replay(seed))")
        case .deleted:
            #expect(copy.removeValue(forKey: tuple.key) == tuple, "\(tuple) \(Self.replay(seed))")
        case .expired:
            // What had expired at the start was not in the copy any more.
            let before = copy.removeValue(forKey: tuple.key)
            #expect(before == nil || before == tuple, "\(tuple) \(Self.replay(seed))")
        }
    }
}
