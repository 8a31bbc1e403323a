// Pemba: what benchmarks print.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Histogram
import PembaTooling

/// Named measurements in the order in which they were made.
struct Figures: Encodable {
    /// One measurement.
    struct Row: Encodable {
        /// What was measured.
        let name: String
        /// Operations in a second.
        var perSecond: Double?
        /// Latency in microseconds.
        var p50: Double?
        var p99: Double?
        var p999: Double?
        /// Processor time of the servers for one operation, in microseconds.
        var serverMicroseconds: Double?
        /// Processor time of the benchmark for one operation, in microseconds.
        var clientMicroseconds: Double?
        /// Anything else: a value and its unit.
        var value: Double?
        var unit: String?
    }

    private(set) var rows: [Row] = []

    mutating func add(_ row: Row) { rows.append(row) }

    /// A single value.
    mutating func add(_ name: String, _ value: Double, _ unit: String) {
        rows.append(Row(name: name, value: value, unit: unit))
    }

    /// Adds rows that were measured several times: one of each name, every figure of it the median.
    mutating func add(medians measured: [Row]) {
        var names: [String] = []
        for row in measured where !names.contains(row.name) { names.append(row.name) }
        for name in names {
            let same = measured.filter { $0.name == name }
            func median(_ figure: KeyPath<Row, Double?>) -> Double? {
                Figures.median(same.compactMap { $0[keyPath: figure] })
            }
            add(
                Row(
                    name: name,
                    perSecond: median(\.perSecond),
                    p50: median(\.p50),
                    p99: median(\.p99),
                    p999: median(\.p999),
                    serverMicroseconds: median(\.serverMicroseconds),
                    clientMicroseconds: median(\.clientMicroseconds),
                    value: median(\.value),
                    unit: same[0].unit
                )
            )
        }
    }

    /// The median; nil of nothing.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// A table for people.
    var text: String {
        var table = Table([
            ("BENCHMARK", .left), ("PER SECOND", .right), ("P50 us", .right), ("P99 us", .right), ("P99.9 us", .right),
            ("SERVER us", .right), ("CLIENT us", .right), ("VALUE", .right), ("UNIT", .left),
        ])
        func number(_ value: Double?, digits: Int = 1) -> String { value.map { Figures.rounded($0, digits) } ?? "" }
        for row in rows {
            table.add([
                row.name, number(row.perSecond, digits: 0), number(row.p50), number(row.p99), number(row.p999),
                number(row.serverMicroseconds, digits: 2), number(row.clientMicroseconds, digits: 2),
                number(row.value, digits: 2), row.unit ?? "",
            ])
        }
        return table.text
    }

    private static func rounded(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

/// Latencies in nanoseconds, to three digits, up to a minute.
typealias Latencies = Histogram<UInt64>

extension Histogram<UInt64> {
    /// An empty histogram.
    static func latencies() -> Latencies { Latencies(highestTrackableValue: 60_000_000_000) }

    /// A percentile in microseconds.
    func microseconds(_ percentile: Double) -> Double { Double(valueAtPercentile(percentile)) / 1_000 }
}

extension Duration {
    /// The length in seconds.
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }

    /// The length in whole nanoseconds.
    var inNanoseconds: UInt64 {
        UInt64(components.seconds) * 1_000_000_000 + UInt64(components.attoseconds / 1_000_000_000)
    }
}
