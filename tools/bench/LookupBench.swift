// Pemba: lookups in this process.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import PembaTooling

/// Lookups in the data of `LibraryData`.
struct LookupBench {
    private let graph = Graph()

    init() throws {
        let source = BenchmarkData.schema + "\n" + LibraryData.schema
        let schema = try SchemaFile(source: source, name: "benchmark schema", folder: ".")
        try graph.replaceSchema(try schema.compiled())
        for tuple in LibraryData.tuples { graph.put(tuple) }
    }

    // MARK: Measurements

    func measure() throws -> [Figures.Row] {
        let some = try resources(of: LibraryData.readerOfSome, expected: LibraryData.someCount)
        let all = try resources(of: LibraryData.readerOfAll, expected: LibraryData.bookCount)
        let readers = try subjects(expected: LibraryData.readerCount)
        return [
            Figures.Row(name: "lookup of 10,000 resources of 1,000,000", value: some.inSeconds * 1_000, unit: "ms"),
            Figures.Row(
                name: "lookup of 1,000,000 resources",
                perSecond: Double(LibraryData.bookCount) / all.inSeconds
            ),
            Figures.Row(
                name: "lookup of 10,000 subjects in nested groups",
                value: readers.inSeconds * 1_000,
                unit: "ms"
            ),
        ]
    }

    /// The shortest of a few lookups.
    private func resources(of reader: SubjectReference, expected: Int) throws -> Duration {
        let request = LookupResourcesRequest(
            permissions: [LibraryData.view],
            subject: reader
        )
        return try best {
            let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request)
            while try !lookup.run() {}
            var bytes = 0
            let count = lookup.nextBatch(.max) { _, id, _ in bytes += id.count }
            guard count == expected, bytes == count * 16 else { throw ToolError("lookup of resources: \(count) found") }
        }
    }

    private func subjects(expected: Int) throws -> Duration {
        let request = LookupSubjectsRequest(
            resource: LibraryData.popularBook,
            permissions: ["view"],
            kinds: [SubjectKind(type: "user")]
        )
        return try best {
            let lookup = try SubjectLookup(graph: graph, basis: graph.presentBasis, request: request)
            while try !lookup.run() {}
            guard lookup.resultCount == expected else {
                throw ToolError("lookup of subjects: \(lookup.resultCount) found")
            }
        }
    }

    private func best(_ body: () throws -> Void) rethrows -> Duration {
        var best = Duration.seconds(60)
        for _ in 0..<5 {
            let begin = ContinuousClock.now
            try body()
            best = min(best, ContinuousClock.now - begin)
        }
        return best
    }
}
