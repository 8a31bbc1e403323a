// Pemba: loading the data set into a cluster.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaTooling

/// Writes the schema and the tuples of the benchmarks through the client.
struct DataLoader {
    private static let batchesInFlight = 8

    let client: PembaClient

    /// Loads everything and returns how many tuples a second were written.
    func load(_ data: BenchmarkData) async throws -> Double {
        try await client.writeSchema(
            [BenchmarkData.schema, FloodData.schema, LibraryData.schema].joined(separator: "\n")
        )
        let begin = ContinuousClock.now
        var progress = Progress("loading", total: data.tupleCount)
        let summary = try await client.importTuples(
            (0..<data.tupleCount).lazy.map { data.tuple($0) },
            mode: .touch,
            requestsInFlight: DataLoader.batchesInFlight
        ) { progress.update($0.done) }
        progress.finish(summary.done)
        let seconds = (ContinuousClock.now - begin).inSeconds
        try await forEachBatch(of: FloodData.tuples.count, label: "loading the maze") { range in
            FloodData.tuples[range].map { TupleUpdate(.touch, $0) }
        }
        return Double(data.tupleCount) / seconds
    }

    /// Loads the data of lookups and returns how many tuples a second were imported.
    func loadLibrary() async throws -> Double {
        let begin = ContinuousClock.now
        var progress = Progress("loading the library", total: LibraryData.bookCount)
        let summary = try await client.importTuples(
            LibraryData.tuples,
            mode: .touch,
            requestsInFlight: DataLoader.batchesInFlight
        ) { progress.update($0.done) }
        progress.finish(summary.done)
        return Double(summary.done) / (ContinuousClock.now - begin).inSeconds
    }

    /// Deletes the first `count` scratch tuples.
    func delete(_ scratch: ScratchTuples, count: Int) async throws {
        try await forEachBatch(of: count, label: "cleaning up") { range in
            range.map { TupleUpdate(.delete, scratch.tuple($0)) }
        }
    }

    private func forEachBatch(
        of count: Int,
        label: String,
        _ updates: @escaping @Sendable (Range<Int>) -> [TupleUpdate]
    ) async throws {
        var progress = Progress(label, total: count)
        var done = 0
        try await withThrowingTaskGroup(of: Int.self) { group in
            var next = 0
            func startBatch() {
                guard next < count else { return }
                let range = next..<min(next + Limits.updatesPerWrite, count)
                next = range.upperBound
                group.addTask { [client] in
                    try await client.write(WriteRequest(updates: updates(range)))
                    return range.count
                }
            }
            for _ in 0..<DataLoader.batchesInFlight { startBatch() }
            while let written = try await group.next() {
                done += written
                progress.update(done)
                startBatch()
            }
        }
        progress.finish(done)
    }
}

/// Tuples that a benchmark writes and deletes again; no other run writes the same.
struct ScratchTuples: Sendable {
    private let prefix = String(UInt64.random(in: 0..<(1 << 24)), radix: 36)

    /// The tuple with this number.
    func tuple(_ number: Int) -> RelationTuple {
        RelationTuple(
            resource: ObjectReference(type: "document", id: "w-\(prefix)-\(number)"),
            relation: "owner",
            subject: SubjectReference(type: "user", id: "writer-\(number % 1_000)")
        )
    }
}
