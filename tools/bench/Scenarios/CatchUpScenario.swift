// Pemba: measuring how fast a new node gets everything.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaTooling

extension Scenario {
    /// How long a new node may take to have everything.
    private static let patience = Duration.seconds(300)

    /// From adding a new node, as a learner, to its having everything that was written before; then it is removed again.
    static let catchUp = Scenario(name: "catch-up", killsNodes: true) { stage in
        guard let local = stage.cluster.local else { return [] }
        _ = try await local.waitUntilCaughtUp()
        return try await stage.cluster.withClient { client in
            let (node, contact) = try local.prepareNode(for: try await client.membership())
            try node.start(arguments: ["--join"])
            defer { node.stop() }
            let begun = try await add(contact, client)
            let last = begun.status.lastIndex
            let start = ContinuousClock.now
            while true {
                let status = try await client.membership()
                if let member = status.members.first(where: { $0.node == contact.node }), let match = member.matchIndex,
                    match >= last
                {
                    break
                }
                guard ContinuousClock.now - start < patience, node.isRunning else {
                    throw ToolError("node \(node.id) did not get everything\n\(node.log.suffix(2_000))")
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            let seconds = (ContinuousClock.now - start).inSeconds
            let megabytes = Double(bytes(below: node.folder + "/data/snapshots")) / 1e6
            _ = try await MembershipRun(.remove(contact.node), client: client) { _ in }.run(patience: patience)
            return [
                Figures.Row(name: "a new node has \(stage.data.tupleCount) tuples after", value: seconds, unit: "s"),
                Figures.Row(name: "of which its snapshot is", value: megabytes, unit: "MB"),
                Figures.Row(name: "catch-up, bytes of the snapshot alone", value: megabytes / seconds, unit: "MB/s"),
            ]
        }
    }

    /// Adds the node as soon as it answers.
    private static func add(_ contact: MemberContact, _ client: PembaClient) async throws -> MembershipAnswer {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let status = try await client.membership()
            let edit = MemberEdit.add(contact, votes: false)
            guard let change = try edit.change(from: status) else { throw ToolError("node \(contact.node) is there") }
            do {
                return try await client.changeMembership(change, ifConfigurationIsAt: status.membership.index)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func bytes(below folder: String) -> Int {
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return paths.reduce(0) { sum, path in
            let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + path)
            let isFile = attributes?[.type] as? FileAttributeType == .typeRegular
            return sum + (isFile ? attributes?[.size] as? Int ?? 0 : 0)
        }
    }
}
