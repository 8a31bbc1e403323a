// Pemba: evaluation and memory in this process.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Histogram
import PembaCore
import PembaGraph
import PembaSchema
import PembaService
import PembaTooling

struct GraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Measures checks, lookups and memory in this process, without a network."
    )

    @Option(help: ArgumentHelp("How many tuples.", valueName: "count"))
    var tuples = 1_000_000

    @Option(help: ArgumentHelp("How many checks of each kind.", valueName: "count"))
    var checks = 200_000

    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard tuples >= 1_000 else { throw ValidationError("--tuples is at least 1000, not \(tuples)") }
        guard checks >= 1_000 else { throw ValidationError("--checks is at least 1000, not \(checks)") }
    }

    func run() throws {
        var figures = Figures()
        let data = BenchmarkData(tuples: tuples)
        let before = ProcessUsage.own().residentBytes
        let graph = Graph()
        try graph.replaceSchema(
            try SchemaFile(source: BenchmarkData.schema, name: "benchmark schema", folder: ".").compiled()
        )
        let loading = try load(data, into: graph)
        let resident = ProcessUsage.own().residentBytes - before
        figures.add("tuples", Double(graph.tupleCount), "tuples")
        figures.add("tuples for each object", Double(graph.tupleCount) / Double(graph.entityCount), "")
        figures.add("resident memory for each tuple", Double(resident) / Double(graph.tupleCount), "bytes")
        figures.add(Figures.Row(name: "insert", perSecond: Double(graph.tupleCount) / loading.inSeconds))

        let shared = try CheckSet(count: checks, type: "document", permission: "owner") { data.directCheck($0) }
        figures.add(try shared.measure("direct check, from strings", graph))
        let nested = try CheckSet(count: checks, type: "document", permission: "view") { data.nestedCheck($0) }
        figures.add(try nested.measure("nested check 5 + 3, from strings", graph))
        figures.add(try nested.measureBatches("nested check 5 + 3, batches of 16", graph))
        figures.add(try flood())
        for row in try HardCases.measure() { figures.add(row) }
        for row in try LookupBench().measure() { figures.add(row) }
        try report.print(figures)
    }

    /// One check of the flood that scenarios of clusters make, in a graph of its own.
    private func flood() throws -> Figures.Row {
        let graph = Graph()
        try graph.replaceSchema(
            try SchemaFile(
                source: BenchmarkData.schema + "\n" + FloodData.schema,
                name: "benchmark schema",
                folder: "."
            ).compiled()
        )
        for tuple in FloodData.tuples { _ = graph.put(tuple) }
        let item = FloodData.check(0)
        let begin = ContinuousClock.now
        guard try (graph.check(item) == .has) == FloodData.expected else {
            throw ToolError("a wrong answer in the maze")
        }
        let spent = ContinuousClock.now - begin
        return Figures.Row(name: "check of the flood, once", value: spent.inSeconds * 1_000, unit: "ms")
    }

    private func load(_ data: BenchmarkData, into graph: Graph) throws -> Duration {
        var progress = Progress("loading", total: data.tupleCount)
        var spent = Duration.zero
        for start in stride(from: 0, to: data.tupleCount, by: 100_000) {
            let batch = (start..<min(start + 100_000, data.tupleCount)).map { data.tuple($0) }
            let begin = ContinuousClock.now
            for tuple in batch { _ = graph.put(tuple) }
            spent += ContinuousClock.now - begin
            progress.update(start + batch.count)
        }
        progress.finish(data.tupleCount)
        return spent
    }
}

/// Checks whose strings lie in one block of memory, as they would in a read buffer.
private final class CheckSet {
    private let bytes: UnsafeMutableRawBufferPointer
    private var views: [CheckView] = []
    private var expected: [Bool] = []

    init(
        count: Int,
        type: String,
        permission: String,
        _ make: (Int) -> (document: String, user: String, expected: Bool)
    ) throws {
        let stride = type.utf8.count + permission.utf8.count + "user".utf8.count + 2 * 16
        bytes = .allocate(byteCount: count * stride, alignment: 8)
        var offset = 0
        for number in 0..<count {
            let check = make(number)
            let parts = [type, check.document, permission, "user", check.user].map { text -> UnsafeRawBufferPointer in
                let start = offset
                for byte in text.utf8 {
                    bytes[offset] = byte
                    offset += 1
                }
                return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
            }
            views.append(
                CheckView(
                    resourceType: parts[0],
                    resourceID: parts[1],
                    permission: parts[2],
                    subjectType: parts[3],
                    subjectID: parts[4],
                    subjectRelation: UnsafeRawBufferPointer(start: nil, count: 0)
                )
            )
            expected.append(check.expected)
        }
    }

    deinit { bytes.deallocate() }

    /// Each check alone: resolve and evaluate.
    ///
    /// The first pass warms.
    func measure(_ name: String, _ graph: Graph) throws -> Figures.Row {
        var latencies = Latencies.latencies()
        var total = Duration.zero
        for pass in 0..<2 {
            latencies.reset()
            total = .zero
            for (view, expected) in zip(views, expected) {
                let begin = ContinuousClock.now
                let step = graph.evaluate(try graph.resolve(view))
                let spent = ContinuousClock.now - begin
                guard case .done(expected) = step else { throw ToolError("\(name): a wrong answer in pass \(pass)") }
                latencies.record(spent.inNanoseconds)
                total += spent
            }
        }
        return row(name, latencies, total)
    }

    /// Sixteen at a time, as a read burst brings them.
    func measureBatches(_ name: String, _ graph: Graph) throws -> Figures.Row {
        var latencies = Latencies.latencies()
        var total = Duration.zero
        var wrong = 0
        for _ in 0..<2 {
            latencies.reset()
            total = .zero
            for start in stride(from: 0, to: views.count - 16, by: 16) {
                let begin = ContinuousClock.now
                views.withUnsafeBufferPointer { all in
                    graph.evaluateBatch(
                        UnsafeBufferPointer(rebasing: all[start..<(start + 16)]),
                        decide: { place, has in if has != expected[start + place] { wrong += 1 } },
                        other: { _, _ in wrong += 1 }
                    )
                }
                let spent = ContinuousClock.now - begin
                latencies.record(spent.inNanoseconds / 16, count: 16)
                total += spent
            }
        }
        guard wrong == 0 else { throw ToolError("\(name): \(wrong) wrong answers") }
        return row(name, latencies, total)
    }

    private func row(_ name: String, _ latencies: Latencies, _ total: Duration) -> Figures.Row {
        Figures.Row(
            name: name,
            perSecond: Double(latencies.totalCount) / total.inSeconds,
            p50: latencies.microseconds(50),
            p99: latencies.microseconds(99),
            p999: latencies.microseconds(99.9)
        )
    }
}
