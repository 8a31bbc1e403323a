// Pemba: measuring imports and lookups.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import PembaClient
import PembaTooling

extension Scenario {
    /// Lookups for the first item, of each kind.
    private static let lookupsMin = 20

    /// A million tuples imported, then lookups in them, one at a time, at the leader.
    static let lookup = Scenario(name: "lookup") { stage in
        let imported = try await stage.cluster.withClient(timeout: .seconds(60)) {
            try await DataLoader(client: $0).loadLibrary()
        }
        let leader = try await stage.cluster.leader()
        return try await stage.cluster.withClient(node: leader, timeout: .seconds(60)) { client in
            let some = try await measure(stage, expected: LibraryData.someCount) {
                client.lookupResources([LibraryData.view], for: LibraryData.readerOfSome, consistency: .minimizeLatency)
            }
            let all = try await measure(stage, expected: LibraryData.bookCount) {
                client.lookupResources([LibraryData.view], for: LibraryData.readerOfAll, consistency: .minimizeLatency)
            }
            let readers = try await measure(stage, expected: LibraryData.readerCount) {
                client.lookupSubjects(
                    ["view"],
                    on: LibraryData.popularBook,
                    kinds: [SubjectKind(type: "user")],
                    consistency: .minimizeLatency
                )
            }
            return [
                Figures.Row(name: "lookup: import, tuples", perSecond: imported),
                some.first.row("lookup: first of 10,000 books"),
                some.whole.row("lookup: 10,000 books", each: LibraryData.someCount),
                all.first.row("lookup: first of 1,000,000 books"),
                all.whole.row("lookup: 1,000,000 books", each: LibraryData.bookCount),
                readers.whole.row("lookup: 10,000 readers", each: LibraryData.readerCount),
            ]
        }
    }

    /// How long lookups took to their first item, and to their last.
    private static func measure<Item, End>(
        _ stage: Stage,
        expected: Int,
        _ ask: () -> AnswerStream<Item, End>
    ) async throws -> (first: LookupTimes, whole: LookupTimes) {
        var first = LookupTimes()
        var whole = LookupTimes()
        let end = ContinuousClock.now + .seconds(stage.warmUp + stage.seconds)
        var number = 0
        while number <= 1 || ContinuousClock.now < end || number < min(lookupsMin, 2_000_000 / expected) {
            let begin = ContinuousClock.now
            var items = ask().makeAsyncIterator()
            var count = 0
            var untilFirst = Duration.zero
            while let batch = try await items.nextBatch() {
                if count == 0 { untilFirst = ContinuousClock.now - begin }
                count += batch.count
            }
            guard count == expected else { throw ToolError("a lookup found \(count) of \(expected)") }
            // The first one warms.
            if number > 0 {
                first.add(untilFirst)
                whole.add(ContinuousClock.now - begin)
            }
            number += 1
        }
        return (first, whole)
    }
}

/// How long lookups took, one after the other.
private struct LookupTimes {
    private var latencies = Latencies.latencies()
    private var total = Duration.zero

    mutating func add(_ span: Duration) {
        latencies.record(span.inNanoseconds)
        total += span
    }

    /// The row for them, if each found `each` items; without, only how long they took.
    func row(_ name: String, each: Int? = nil) -> Figures.Row {
        Figures.Row(
            name: name,
            perSecond: each.map { Double(latencies.totalCount) * Double($0) / total.inSeconds },
            p50: latencies.microseconds(50),
            p99: latencies.microseconds(99)
        )
    }
}
