// Pemba: comparisons with other servers.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaTooling

struct PeersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers",
        abstract: "Compares a cluster with redis and etcd on this machine.",
        discussion: """
            Everything is started on 127.0.0.1 with TLS and stopped at the end. Measurements of Pemba and of the peer take \
            turns, so that whatever else the machine does hits both; the ratios are medians over the rounds.
            A round with etcd takes more than a minute, which is how long `etcdctl check perf` runs.
            """
    )

    enum Peer: String, ExpressibleByArgument, CaseIterable {
        case redis
        case etcd
    }

    @Option(name: .customLong("peer"), parsing: .upToNextOption, help: "Whom to compare with (default: both).")
    var peers: [Peer] = []

    @Option(help: ArgumentHelp("How many tuples the data set has.", valueName: "count"))
    var tuples = 100_000

    @Option(help: ArgumentHelp("How long each measurement of Pemba takes.", valueName: "seconds"))
    var seconds = 3.0

    @Option(help: ArgumentHelp("How often everything is measured; the medians are printed.", valueName: "count"))
    var rounds = 5

    @OptionGroup var nodes: NodeOptions
    @OptionGroup var report: ReportOptions

    func validate() throws {
        guard tuples >= 1_000 else { throw ValidationError("--tuples is at least 1000, not \(tuples)") }
        guard (0.1...3_600).contains(seconds) else {
            throw ValidationError("--seconds is from 0.1 to 3600, not \(seconds)")
        }
        guard (1...1_000).contains(rounds) else { throw ValidationError("--rounds is from 1 to 1000, not \(rounds)") }
    }

    func run() async throws {
        try await Interruption.cancelling {
            let cluster = try await nodes.start()
            defer { cluster.shutDown() }
            let data = BenchmarkData(tuples: tuples)
            _ = try await cluster.withClient(timeout: .seconds(60)) { try await DataLoader(client: $0).load(data) }
            let stage = Stage(cluster: cluster, data: data, warmUp: 1, seconds: seconds)
            var figures = Figures()
            figures.addLoadAverage("load average before")
            for peer in peers.isEmpty ? Peer.allCases : peers { try await compare(peer, stage, &figures) }
            figures.addLoadAverage("load average after")
            try report.print(figures)
        }
    }

    private func compare(_ peer: Peer, _ stage: Stage, _ figures: inout Figures) async throws {
        let folder = nodes.folder("peer-\(peer.rawValue)")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        switch peer {
        case .redis:
            guard let redis = try await Redis.start(in: folder) else {
                return Notice.print("redis is skipped: it is not installed (\(Redis.installation))")
            }
            defer { redis.stop() }
            // The first run of each warms it.
            _ = try await redis.get("", connections: 50, pipeline: 16, requests: 200_000)
            try await compare(Redis.comparisons(redis), stage, &figures)
        case .etcd:
            guard let etcd = try await Etcd.start(in: folder) else {
                return Notice.print("etcd is skipped: it is not installed (\(Etcd.installation))")
            }
            defer { etcd.stop() }
            try await compare(Etcd.comparisons(etcd), stage, &figures)
        }
    }

    private func compare(_ comparisons: [Comparison], _ stage: Stage, _ figures: inout Figures) async throws {
        var rows: [Figures.Row] = []
        for round in 1...rounds {
            for comparison in comparisons {
                Notice.print("round \(round) of \(rounds): \(comparison.peerName) and \(comparison.scenario.name)")
                // Who goes first changes, because the first may find the machine colder.
                let isPeerFirst = round % 2 == 1
                if isPeerFirst { rows.append(try await comparison.peer()) }
                let own = try await comparison.scenario.run(stage)[0]
                if !isPeerFirst { rows.append(try await comparison.peer()) }
                guard let peer = rows.last else { continue }
                rows.append(own)
                rows.append(comparison.ratio(own, peer))
            }
        }
        figures.add(medians: rows)
    }
}

/// One measurement of a peer and the scenario that it is compared with.
struct Comparison {
    /// What the peer does.
    let peerName: String
    /// What Pemba does.
    let scenario: Scenario
    /// Whether the median latency is compared, and not the throughput.
    let comparesLatency: Bool
    /// Measures the peer once.
    let peer: () async throws -> Figures.Row

    /// What Pemba reached, in parts of what the peer reached.
    func ratio(_ own: Figures.Row, _ peer: Figures.Row) -> Figures.Row {
        let figure: KeyPath<Figures.Row, Double?> = comparesLatency ? \.p50 : \.perSecond
        var row = Figures.Row(
            name: "\(scenario.name) : \(peerName)",
            unit: comparesLatency ? "p50 ratio" : "rate ratio"
        )
        if let own = own[keyPath: figure], let peer = peer[keyPath: figure], peer > 0 { row.value = own / peer }
        return row
    }
}

extension Redis {
    /// What is compared with redis.
    static func comparisons(_ redis: Redis) -> [Comparison] {
        let many = "redis GET -P 16 -c 50"
        let one = "redis GET -P 1 -c 1"
        return [
            Comparison(
                peerName: many,
                scenario: .checks("direct-16x50", \.direct, depth: 16, connections: 50),
                comparesLatency: false
            ) { try await redis.get(many, connections: 50, pipeline: 16, requests: 2_000_000) },
            Comparison(
                peerName: one,
                scenario: .checks("direct-1x1", \.direct, depth: 1, connections: 1),
                comparesLatency: true
            ) { try await redis.get(one, connections: 1, pipeline: 1, requests: 30_000) },
        ]
    }
}

extension Etcd {
    /// What is compared with etcd.
    static func comparisons(_ etcd: Etcd) -> [Comparison] {
        let many = "etcd put, check perf xl"
        let one = "etcd put, one at a time"
        return [
            Comparison(peerName: many, scenario: .writes(inFlight: 256), comparesLatency: false) {
                try await etcd.writes(many)
            },
            Comparison(peerName: one, scenario: .writes(inFlight: 1), comparesLatency: true) {
                try await etcd.writesOneAtATime(one, count: 500)
            },
        ]
    }
}
