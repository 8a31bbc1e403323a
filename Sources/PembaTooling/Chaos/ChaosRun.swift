// Pemba: a cluster under fire.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService

/// Starts a cluster of real processes, writes and checks through the client library while nodes are killed, paused and
/// restarted, and verifies the history.
package struct ChaosRun {
    /// What to do, for how long.
    package struct Options: Sendable {
        /// How long nodes are disturbed at least.
        package var duration: Duration
        /// What must have been answered before the disturbances end: a machine that is busy takes longer for it.
        package var least = Amount()
        /// How long to go on beyond `duration` for what is missing of `least`.
        package var patience = Duration.seconds(180)
        /// Chooses faults and operations; the interleaving of real processes is not repeatable.
        package var seed: UInt64
        /// How many nodes.
        package var nodes = 3
        /// How many tasks write, each its own tuples.
        package var writers = 4
        /// How many tasks check.
        package var checkers = 3
        /// The path of `pembad`.
        package var program: String
        /// Where the cluster lives; left behind for inspection.
        package var folder: String

        package init(duration: Duration, seed: UInt64, program: String, folder: String) {
            self.duration = duration
            self.seed = seed
            self.program = program
            self.folder = folder
        }
    }

    /// How many operations of each kind.
    package struct Amount: Sendable {
        package var writes = 0
        package var checks = 0
        /// Of each case by itself.
        package var newEnemyChecks = 0
    }

    /// What came of it.
    package struct Result: Sendable, Encodable {
        package let seed: UInt64
        package let acknowledgedWrites: Int
        package let unknownWrites: Int
        package let checks: Int
        /// How many new-enemy checks of each case were answered, by the case's name.
        package let newEnemyChecks: [String: Int]
        package let kills: Int
        package let pauses: Int
        /// A sentence for each broken promise.
        package let violations: [String]

        /// A paragraph for people.
        package var text: String {
            let counts =
                "\(acknowledgedWrites) writes acknowledged, \(unknownWrites) unknown, \(checks) checks,"
                + " \(newEnemyChecks.values.reduce(0, +)) new-enemy checks, \(kills) kills, \(pauses) pauses"
            let verdict =
                violations.isEmpty
                ? "every promise was kept" : "BROKEN PROMISES:\n  " + violations.joined(separator: "\n  ")
            return "seed \(seed): \(counts)\n\(verdict)\n"
        }
    }

    static let schema = """
        definition user {}
        definition team {
            relation member: user
        }
        definition folder {
            relation viewer: user | team#member
            permission view = viewer
        }
        definition doc {
            relation parent: folder
            relation viewer: user
            relation banned: user
            permission view = viewer + parent->view
            permission read = viewer - banned
        }
        """

    private let options: Options
    private let report: @Sendable (String) -> Void

    /// A run that tells `report` what it does.
    package init(_ options: Options, report: @escaping @Sendable (String) -> Void) {
        self.options = options
        self.report = report
    }

    /// Runs.
    ///
    /// Throws if the cluster cannot be started or does not come together again at the end.
    package func run() async throws -> Result {
        let cluster = try LocalCluster(count: options.nodes, folder: options.folder, program: options.program)
        defer { cluster.shutDown() }
        try cluster.start()
        _ = try await cluster.waitUntilCaughtUp()
        report("\(options.nodes) nodes in \(options.folder), seed \(options.seed)")
        let target = try cluster.target(timeout: .seconds(5))
        let recorder = ChaosRecorder()
        try await target.withClient { _ = try await $0.writeSchema(ChaosRun.schema) }

        var nemesis = ChaosNemesis(cluster: cluster, seed: options.seed, report: report)
        let load = Task { [options] in try await ChaosWorkload(options, target, recorder).run() }
        var end = ContinuousClock.now + options.duration
        let last = end + options.patience
        while !Task.isCancelled {
            while ContinuousClock.now < end, !Task.isCancelled { try await nemesis.disturb(until: end) }
            if await recorder.history.has(options.least) || end >= last { break }
            end += .seconds(5)
        }
        try nemesis.heal()
        load.cancel()
        try await load.value
        _ = try await cluster.waitUntilCaughtUp()
        try await recordFinalState(target, recorder)

        let history = await recorder.history
        return Result(
            seed: options.seed,
            acknowledgedWrites: history.acknowledgedWrites,
            unknownWrites: history.writes.count { $0.outcome == .unknown },
            checks: history.checks.count,
            newEnemyChecks: history.newEnemyChecks,
            kills: nemesis.kills,
            pauses: nemesis.pauses,
            violations: ChaosChecker.violations(of: history)
        )
    }

    private func recordFinalState(_ target: ClusterTarget, _ recorder: ChaosRecorder) async throws {
        let tuples = await recorder.writtenTuples
        try await target.withClient { client in
            for start in stride(from: 0, to: tuples.count, by: Limits.checksPerBulk) {
                let slice = Array(tuples[start..<min(start + Limits.checksPerBulk, tuples.count)])
                let items = slice.map { CheckItem(resource: $0.resource, permission: $0.relation, subject: $0.subject) }
                let answer = try await client.checkBulk(items, consistency: .fullyConsistent)
                for (tuple, result) in zip(slice, answer.results) {
                    await recorder.recordFinal(tuple, isPresent: try result.get() == .has)
                }
            }
        }
    }
}
