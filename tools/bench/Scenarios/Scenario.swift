// Pemba: what is measured of a cluster.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import NIOCore
import PembaClient
import PembaTooling

/// One thing that is measured of a cluster.
struct Scenario: Sendable {
    /// Its name on the command line and in the report; `docs/benchmarks.md` says what each is.
    let name: String
    /// Whether it kills nodes, which only the benchmark's own may suffer; done once, after all others.
    var killsNodes = false
    /// Measures once.
    let run: @Sendable (Stage) async throws -> [Figures.Row]

    /// All, in the order in which they are run.
    static let all: [Scenario] = checks + writes + [lookup, flood, failover, restart, catchUp, catchUpCut]

    /// Those whose names are `names` or start with one of them and a hyphen; all if there is none.
    static func select(_ names: [String]) throws -> [Scenario] {
        for name in names where !all.contains(where: { $0.matches(name) }) {
            throw ToolError("there is no scenario `\(name)`; there are \(all.map(\.name).joined(separator: ", "))")
        }
        return names.isEmpty ? all : all.filter { scenario in names.contains { scenario.matches($0) } }
    }

    private func matches(_ text: String) -> Bool { name == text || name.hasPrefix(text + "-") }
}

/// What scenarios are run on.
struct Stage: @unchecked Sendable {
    // Scenarios are run one at a time, by the task that made the cluster.

    /// The cluster, loaded.
    let cluster: TestedCluster
    /// What it is loaded with.
    let data: BenchmarkData
    /// Checks that one look-up answers.
    let direct: Questions
    /// Checks through five folders and three groups.
    let nested: Questions
    /// Seconds before the measured ones.
    let warmUp: Double
    /// Seconds that are measured.
    let seconds: Double

    init(cluster: TestedCluster, data: BenchmarkData, warmUp: Double, seconds: Double) {
        self.cluster = cluster
        self.data = data
        self.warmUp = warmUp
        self.seconds = seconds
        direct = .direct(data)
        nested = .nested(data)
    }

    /// A window that opens after the warm-up.
    func window() -> Window { Window(warmUp: warmUp, seconds: seconds) }

    /// Measures checks of `plan` on so many connections to the leader.
    func measure(_ plan: CheckLoad.Plan, connections: Int) async throws -> Measurement {
        let leader = try await cluster.leader()
        return try await cluster.withClient(node: leader, connections: connections) { client in
            try await measure(plan, on: client, servers: cluster.process(node: leader)).checks
        }
    }

    /// Measures checks of `plan` on all connections of `client`, and what interludes there are.
    func measure(
        _ plan: CheckLoad.Plan,
        on client: PembaClient,
        servers: Int32?
    ) async throws -> (checks: Measurement, interludes: Measurement) {
        let load = try await CheckLoad.prepare(plan, on: client)
        let window = window()
        async let result = load.run(window, on: client.eventLoop)
        let usage = try await Usage.follow(window, servers.map { [$0] } ?? [])
        let latencies = try await result
        return (
            Measurement(latencies: latencies.checks, window: window, usage: usage),
            Measurement(latencies: latencies.interludes, window: window, usage: usage)
        )
    }
}

/// What was counted in a window.
struct Measurement: Sendable {
    let latencies: Latencies
    let window: Window
    let usage: Usage

    /// The row for it, if each call did `each` operations.
    func row(_ name: String, each: Int = 1) -> Figures.Row {
        let operations = Double(latencies.totalCount) * Double(each)
        func microseconds(_ seconds: Double) -> Double? { operations > 0 ? seconds / operations * 1e6 : nil }
        return Figures.Row(
            name: name,
            perSecond: operations / window.seconds,
            p50: latencies.microseconds(50),
            p99: latencies.microseconds(99),
            p999: latencies.microseconds(99.9),
            serverMicroseconds: usage.servers.flatMap(microseconds),
            clientMicroseconds: microseconds(usage.client)
        )
    }
}

/// Processor time that was used in a window.
struct Usage: Sendable {
    /// By the nodes in question, in seconds; nil if they are not on this machine.
    let servers: Double?
    /// By this process.
    let client: Double

    /// Waits until the window has passed and says what was used in it.
    static func follow(_ window: Window, _ processes: [Int32]) async throws -> Usage {
        try await Window.sleep(until: window.begin)
        let before = processes.map { ProcessUsage.of(process: $0)?.processorSeconds }
        let own = ProcessUsage.own().processorSeconds
        try await Window.sleep(until: window.end)
        let after = processes.map { ProcessUsage.of(process: $0)?.processorSeconds }
        var servers: Double? = processes.isEmpty ? nil : 0
        for (before, after) in zip(before, after) {
            guard let before, let after else {
                return Usage(servers: nil, client: ProcessUsage.own().processorSeconds - own)
            }
            servers = servers.map { $0 + after - before }
        }
        return Usage(servers: servers, client: ProcessUsage.own().processorSeconds - own)
    }
}
