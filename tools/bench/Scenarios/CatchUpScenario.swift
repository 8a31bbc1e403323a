// Pemba: measuring how fast a new node gets everything.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaTooling

extension Scenario {
    /// How often the transfer is cut where it is.
    private static let cuts = 5
    private static let blocksSent = "pemba_storage_snapshot_blocks_sent_total"

    /// From adding a new node, as a learner, to its having everything that was written before; then it is removed again.
    static let catchUp = Scenario(name: "catch-up", killsNodes: true) { stage in
        try await withNewNode(stage) { join in
            let seconds = try await join.finish()
            let name = "a new node has \(stage.data.tupleCount) tuples after"
            return [Figures.Row(name: name, value: seconds, unit: "s")] + join.snapshot("catch-up")
                + join.phases(seconds)
        }
    }

    /// The same, but the new node is killed five times while it receives the snapshot, and started again.
    static let catchUpCut = Scenario(name: "catch-up-cut", killsNodes: true) { stage in
        try await withNewNode(stage) { join in
            let before = Scenario.sent(in: stage)
            for cut in 1...cuts {
                try await join.wait("\(cut) of \(cuts + 1) parts of the snapshot") { member -> Void? in
                    if join.hasEverything(member) {
                        throw ToolError("the new node had everything after \(cut - 1) cuts: load more tuples")
                    }
                    guard let snapshot = member.snapshot, snapshot.total > 0 else { return nil }
                    return Int(snapshot.done) * (cuts + 1) >= Int(snapshot.total) * cut ? () : nil
                }
                join.node.killNow()
                try join.node.start()
            }
            let seconds = try await join.finish()
            let sent = Scenario.sent(in: stage) - before
            let name = "a node killed \(cuts) times meanwhile has all after"
            return [Figures.Row(name: name, value: seconds, unit: "s")] + join.snapshot("catch-up-cut") + [
                Figures.Row(name: "blocks sent", value: sent, unit: "blocks"),
                Figures.Row(name: "sent more than once", value: (sent / Double(join.blocks) - 1) * 100, unit: "%"),
            ]
        }
    }

    /// Blocks that all nodes have sent: the leader may change meanwhile.
    private static func sent(in stage: Stage) -> Double {
        let nodes = stage.cluster.local?.plan.nodes ?? []
        return nodes.compactMap { stage.cluster.http(node: $0.id)?.metric(blocksSent) }.reduce(0, +)
    }

    /// Adds a node and removes it at the end; nothing without a cluster of the benchmark's own.
    private static func withNewNode(
        _ stage: Stage,
        _ body: (Join) async throws -> [Figures.Row]
    ) async throws -> [Figures.Row] {
        guard let local = stage.cluster.local else { return [] }
        _ = try await local.waitUntilCaughtUp()
        return try await stage.cluster.withClient { client in
            let (node, contact) = try local.prepareNode(for: try await client.membership())
            try node.start(arguments: ["--join"])
            defer { node.stop() }
            let rows = try await body(Join(node: node, contact: contact, client: client))
            _ = try await MembershipRun(.remove(contact.node), client: client) { _ in }.run(patience: Join.patience)
            return rows
        }
    }
}

/// A node on its way to having everything; used by one task.
private final class Join {
    /// How long it may take.
    static let patience = Duration.seconds(300)
    /// What a block holds, all but the last (`docs/formats.md`).
    private static let blockBytes = Double(Limits.snapshotBlockBytes)

    let node: LocalNode
    private let contact: MemberContact
    private let client: PembaClient
    private let start: ContinuousClock.Instant
    /// The last entry when it was added.
    private let last: LogIndex
    /// Blocks of the snapshot that it fetched.
    private(set) var blocks: UInt32 = 0
    /// After how many seconds all of them had been asked for, and when the snapshot was the node's state.
    private var fetchedAfter: Double?
    private var loadedAfter: Double?

    /// Adds the node as soon as it answers.
    init(node: LocalNode, contact: MemberContact, client: PembaClient) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let status = try await client.membership()
            let edit = MemberEdit.add(contact, votes: false)
            guard let change = try edit.change(from: status) else { throw ToolError("node \(contact.node) is there") }
            do {
                let index = status.membership.index
                last = try await client.changeMembership(change, ifConfigurationIsAt: index).status.lastIndex
                break
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        start = .now
        self.node = node
        self.contact = contact
        self.client = client
    }

    /// What its snapshot holds, uncompressed.
    var contentMegabytes: Double { Double(blocks) * Join.blockBytes / 1e6 }

    /// The sizes of its snapshot; rows of one name would be taken for rounds of one figure.
    func snapshot(_ scenario: String) -> [Figures.Row] {
        [
            Figures.Row(name: "\(scenario): blocks of its snapshot", value: Double(blocks), unit: "blocks"),
            Figures.Row(name: "\(scenario): their content", value: contentMegabytes, unit: "MB"),
            Figures.Row(name: "\(scenario): on the disk", value: diskMegabytes, unit: "MB"),
        ]
    }

    /// What took how long, and how fast the snapshot came; empty if everything came from the log.
    func phases(_ seconds: Double) -> [Figures.Row] {
        guard let fetched = fetchedAfter, let loaded = loadedAfter else { return [] }
        return [
            Figures.Row(name: "fetching it", value: fetched, unit: "s"),
            Figures.Row(name: "fetching it, content", value: contentMegabytes / fetched, unit: "MB/s"),
            Figures.Row(name: "verifying and loading it", value: loaded - fetched, unit: "s"),
            Figures.Row(name: "the log after it", value: seconds - loaded, unit: "s"),
        ]
    }

    private var diskMegabytes: Double {
        let folder = node.folder + "/data/snapshots"
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        let bytes = paths.reduce(0) { sum, path in
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + path)
            let isFile = attributes?[.type] as? FileAttributeType == .typeRegular
            return sum + (isFile ? attributes?[.size] as? Int ?? 0 : 0)
        }
        return Double(bytes) / 1e6
    }

    /// Whether it has all that was written before it was added.
    func hasEverything(_ member: MemberStatus) -> Bool { member.matchIndex.map { $0 >= last } ?? false }

    /// Waits until it has everything; how many seconds that took since it was added.
    func finish() async throws -> Double {
        try await wait("everything") { member -> Double? in
            hasEverything(member) ? (ContinuousClock.now - start).inSeconds : nil
        }
    }

    private func note(_ member: MemberStatus) {
        let seconds = (ContinuousClock.now - start).inSeconds
        if let snapshot = member.snapshot {
            blocks = max(blocks, snapshot.total)
            if fetchedAfter == nil, snapshot.total > 0, snapshot.done >= snapshot.total { fetchedAfter = seconds }
        } else if fetchedAfter != nil, loadedAfter == nil, member.matchIndex ?? .zero > .zero {
            loadedAfter = seconds
        }
    }

    /// Waits for what the leader says of it.
    @discardableResult
    func wait<Value>(_ what: String, until condition: (MemberStatus) throws -> Value?) async throws -> Value {
        while true {
            let member = try await client.membership().members.first { $0.node == contact.node }
            if let member { note(member) }
            if let value = try member.flatMap(condition) { return value }
            guard ContinuousClock.now - start < Join.patience, node.isRunning else {
                throw ToolError("node \(node.id) did not get \(what)\n\(node.log.suffix(2_000))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
