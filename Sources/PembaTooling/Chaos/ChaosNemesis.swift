// Pemba: what goes wrong in a run.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore

/// Kills, pauses and restarts nodes, one disturbance at a time, so that the cluster can always recover.
struct ChaosNemesis {
    private(set) var kills = 0
    private(set) var pauses = 0
    /// Disturbances so far.
    private var count = 0
    /// The kinds of the first disturbances.
    private static let first = [1, 6]

    private let cluster: LocalCluster
    private var random: SeededRandom
    private let report: @Sendable (String) -> Void

    init(cluster: LocalCluster, seed: UInt64, report: @escaping @Sendable (String) -> Void) {
        self.cluster = cluster
        self.report = report
        random = SeededRandom(seed: seed)
    }

    /// One disturbance and its repair, and some quiet after it; ends early at `end`.
    mutating func disturb(until end: ContinuousClock.Instant) async throws {
        let leader = try await cluster.leader()
        // The leader is the most interesting victim.
        let id = random.chance(1, in: 2) ? leader ?? 1 : UInt64(random.below(cluster.nodes.count) + 1)
        let node = cluster.nodes[Int(id) - 1]
        let role = id == leader ? "leader" : "follower"
        // Every run begins with a kill and a pause, so that none is without either.
        let chosen = random.below(10)
        let kind = count < ChaosNemesis.first.count ? ChaosNemesis.first[count] : chosen
        count += 1
        switch kind {
        case 0:
            report("kill -9 of every node")
            kills += cluster.nodes.count
            for node in cluster.nodes { node.killNow() }
            for node in cluster.nodes { try node.start() }
        case 1...5:
            report("kill -9 of node \(id) (\(role))")
            kills += 1
            node.killNow()
            try await quiet(200...3_000, end)
            try node.start()
        case 6...8:
            report("pause of node \(id) (\(role))")
            pauses += 1
            node.signal(SIGSTOP)
            // Up to beyond the staleness bound, so that a paused node wakes up with an old view of the world.
            try await quiet(200...7_000, end)
            node.signal(SIGCONT)
        default:
            report("graceful stop of node \(id) (\(role))")
            node.stop()
            try await quiet(100...1_000, end)
            try node.start()
        }
        try await quiet(500...2_500, end)
    }

    /// Lets every node run.
    func heal() throws {
        for node in cluster.nodes {
            node.signal(SIGCONT)
            if !node.isRunning { try node.start() }
        }
    }

    private mutating func quiet(_ milliseconds: ClosedRange<Int>, _ end: ContinuousClock.Instant) async throws {
        let span = milliseconds.lowerBound + random.below(milliseconds.count)
        try await Task.sleep(until: min(ContinuousClock.now + .milliseconds(span), end))
    }
}
