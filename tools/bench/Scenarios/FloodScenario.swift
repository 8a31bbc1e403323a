// Pemba: measuring heartbeats while expensive checks come in.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaTooling

extension Scenario {
    /// The shortest flood, in seconds: dozens of heartbeats must fall into it.
    private static let floodSecondsMin = 10.0
    private static let late = "pemba_raft_timer_late_seconds"

    /// Checks of nearly a million visits each at the leader, 8 in flight; beside them, one cheap check after the other.
    static let flood = Scenario(name: "flood") { stage in
        let leader = try await stage.cluster.leader()
        let process = stage.cluster.process(node: leader)
        let window = Window(warmUp: stage.warmUp, seconds: max(stage.seconds, floodSecondsMin))
        let before = try await term(of: stage.cluster)
        let http = stage.cluster.http(node: leader)
        let counts = http.map(Lateness.init)
        var rows = try await stage.cluster.withClient(node: leader) { prober in
            try await stage.cluster.withClient(node: leader, timeout: .seconds(60)) { flooder in
                let flood = try await CheckLoad.prepare(
                    CheckLoad.Plan(questions: Questions.flood, depth: 8),
                    on: flooder
                )
                let probe = try await CheckLoad.prepare(CheckLoad.Plan(questions: stage.direct, depth: 1), on: prober)
                async let flooded = flood.run(window, on: flooder.eventLoop)
                async let probed = probe.run(window, on: prober.eventLoop)
                let usage = try await Usage.follow(window, process.map { [$0] } ?? [])
                return [
                    Measurement(latencies: try await flooded.checks, window: window, usage: usage).row("flood"),
                    Measurement(latencies: try await probed.checks, window: window, usage: usage).row(
                        "flood beside direct-1x1"
                    ),
                ]
            }
        }
        let changes = try await term(of: stage.cluster) - before
        rows.append(Figures.Row(name: "flood elections", value: Double(changes), unit: "terms"))
        if let http, let counts {
            let after = Lateness(http)
            rows.append(after.row("flood heartbeats late by more than 50 ms", since: counts))
            if let latest = http.metric("pemba_raft_timer_late_max_seconds") {
                rows.append(Figures.Row(name: "flood latest heartbeat since start", value: latest * 1_000, unit: "ms"))
            }
        }
        return rows
    }

    private static func term(of cluster: TestedCluster) async throws -> UInt64 {
        try await cluster.withClient { try await $0.status().term.rawValue }
    }

    /// How often the node served a heartbeat or election deadline, and how often late by more than 50 ms.
    private struct Lateness {
        /// All, and those that were not late by more than that; of one moment, or there would be more of these than of all.
        private let counts: [Double]?

        init(_ http: LocalHTTP) { counts = http.metrics("\(late)_count", "\(late)_bucket{le=\"0.05\"}") }

        func row(_ name: String, since before: Lateness) -> Figures.Row {
            guard let counts, let old = before.counts else {
                return Figures.Row(name: name, unit: "the node does not say")
            }
            let (served, inTime) = (counts[0] - old[0], counts[1] - old[1])
            return Figures.Row(name: name, value: served - inTime, unit: "of \(Int(served))")
        }
    }
}
