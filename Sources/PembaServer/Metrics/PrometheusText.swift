// Pemba: metrics in the Prometheus text format 0.0.4.
// SPDX-License-Identifier: Apache-2.0

/// Builds the text that `/metrics` answers: families with help and type, each followed by its samples.
package struct PrometheusText {
    /// The type of a family.
    package enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    /// The media type of `text`.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// What was built so far.
    package private(set) var text = ""

    package init() {}

    /// Begins a family.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample; label values are words of this program and need no escapes.
    package mutating func sample(_ name: String, labels: [(String, String)] = [], _ value: some CustomStringConvertible)
    {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// Adds a family of one sample without labels.
    package mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: some CustomStringConvertible) {
        family(name, kind, help)
        sample(name, value)
    }

    /// Adds the samples of a histogram of seconds to the family that was begun.
    package mutating func histogram(_ name: String, labels: [(String, String)] = [], _ histogram: LatencyHistogram) {
        var below: UInt64 = 0
        for (bound, count) in zip(LatencyHistogram.bounds, histogram.counts) {
            below += count
            sample("\(name)_bucket", labels: labels + [("le", PrometheusText.seconds(bound))], below)
        }
        sample("\(name)_bucket", labels: labels + [("le", "+Inf")], histogram.count)
        sample("\(name)_sum", labels: labels, PrometheusText.seconds(histogram.sum))
        sample("\(name)_count", labels: labels, histogram.count)
    }

    /// Seconds in decimal, without an exponent and exact to the nanosecond.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard rest > 0 else { return String(whole) }
        let digits = String(rest)
        let fraction = String(repeating: "0", count: 9 - digits.count) + digits
        let end = fraction.lastIndex { $0 != "0" } ?? fraction.startIndex
        return "\(whole).\(fraction[...end])"
    }
}
