// Pemba: what benchmarks print.
// SPDX-License-Identifier: Apache-2.0

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

    /// A table for people.
    var text: String {
        var table = Table([
            ("BENCHMARK", .left), ("PER SECOND", .right), ("P50 us", .right), ("P99 us", .right), ("P99.9 us", .right),
            ("SERVER us", .right), ("VALUE", .right), ("UNIT", .left),
        ])
        func number(_ value: Double?, digits: Int = 1) -> String { value.map { Figures.rounded($0, digits) } ?? "" }
        for row in rows {
            table.add([
                row.name, number(row.perSecond, digits: 0), number(row.p50), number(row.p99), number(row.p999),
                number(row.serverMicroseconds, digits: 2), number(row.value, digits: 2), row.unit ?? "",
            ])
        }
        return table.text
    }

    private static func rounded(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        return digits == 0 ? String(Int(rounded)) : String(rounded)
    }
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
