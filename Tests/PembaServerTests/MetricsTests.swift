// Pemba: tests of the metrics text.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaService
import PembaTestSupport
import PembaTransport
import Testing

@testable import PembaServer

struct MetricsTests {
    private var gauges: NodeGauges {
        NodeGauges(
            status: NodeStatus(
                cluster: ClusterID(high: 1, low: 2),
                epoch: .first,
                node: NodeID(1),
                role: .leader,
                term: Term(3),
                leader: NodeID(1),
                lastIndex: LogIndex(12),
                commitIndex: LogIndex(11),
                appliedIndex: LogIndex(9),
                snapshotIndex: LogIndex(4),
                history: HistoryStatus(oldest: Revision(2)),
                tupleCount: 5,
                residentBytes: 6,
                stateHash: 7,
                alarms: [],
                members: [
                    MemberStatus(node: NodeID(2), clientAddress: "h:1", matchIndex: LogIndex(10), isConnected: true)
                ],
                version: "1",
                uptimeSeconds: 8
            )
        )
    }

    @Test func bucketsAreInclusiveAndAddUp() {
        var histogram = LatencyHistogram()
        histogram.record(.microseconds(10))
        histogram.record(TimeSpan(nanoseconds: 10_001))
        histogram.record(.seconds(11), times: 3)
        #expect(histogram.counts[0] == 1 && histogram.counts[1] == 1)
        #expect(histogram.counts.last == 3 && histogram.count == 5)
        #expect(histogram.sum == 33_000_020_001)
    }

    @Test(arguments: [(0, "0"), (10_000, "0.00001"), (2_500_000_000, "2.5"), (7_000_000_000, "7"), (1, "0.000000001")])
    func secondsAreExact(nanoseconds: UInt64, text: String) {
        #expect(PrometheusText.seconds(nanoseconds) == text)
    }

    /// Every line is a comment or a sample of the family above it; every family has help and type once; buckets only
    /// grow.
    @Test func theTextIsPrometheusText() throws {
        var metrics = NodeMetrics()
        metrics.answered(.check, after: .microseconds(30), times: 16)
        metrics.failed(.overloaded)
        let text = metrics.text(gauges)
        #expect(text.hasSuffix("\n"))
        var families: Set<String> = []
        var family = ""
        var below: UInt64 = 0
        for line in text.split(separator: "\n") {
            if let match = line.wholeMatch(of: #/# HELP (\w+) .+\./#) {
                family = String(match.1)
                #expect(families.insert(family).inserted, "\(family) twice")
            } else if let match = line.wholeMatch(of: #/# TYPE (\w+) (counter|gauge|histogram)/#) {
                #expect(match.1 == family)
                #expect((match.2 == "counter") == family.hasSuffix("_total"), "\(family)")
            } else {
                let match = try #require(
                    line.wholeMatch(of: #/([a-z_]+)(\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? (-?[0-9.]+)/#),
                    "\(line)"
                )
                let suffixes = ["", "_bucket", "_sum", "_count"]
                #expect(suffixes.contains { family + $0 == match.1 }, "\(line) under \(family)")
                guard match.1.hasSuffix("_bucket"), let count = UInt64(match.3) else { continue }
                #expect(line.contains("le=\"0.00001\"") || count >= below, "\(line)")
                below = count
            }
        }
    }

    @Test func theNumbersAreTheNodes() {
        var metrics = NodeMetrics()
        metrics.answered(.check, after: .microseconds(30), times: 16)
        metrics.failed(.overloaded)
        let text = metrics.text(gauges)
        for line in [
            "pemba_requests_total{kind=\"check\"} 16", "pemba_request_errors_total{code=\"overloaded\"} 1",
            "pemba_request_seconds_bucket{kind=\"check\",le=\"0.000025\"} 0",
            "pemba_request_seconds_bucket{kind=\"check\",le=\"0.00005\"} 16", "pemba_raft_role{role=\"leader\"} 1",
            "pemba_raft_role{role=\"follower\"} 0", "pemba_raft_apply_lag_entries 2",
            "pemba_raft_peer_match_index{node=\"2\"} 10", "pemba_graph_tuples 5",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
    }

    @Test func everyMetricIsDocumented() throws {
        let page = Conformance.repository.appendingPathComponent("docs/operations/metrics.md")
        let documented = try String(contentsOf: page, encoding: .utf8)
        for line in NodeMetrics().text(gauges).split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let words = line.split(separator: " ")
            #expect(documented.contains("| `\(words[2])` | \(words[3]) |"), "\(words[2])")
        }
        let labels = RequestKind.allCases.map(\.name) + CloseCause.allCases.map(\.rawValue)
        for label in labels { #expect(documented.contains("`\(label)`"), "\(label)") }
    }
}
