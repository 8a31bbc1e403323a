// Pemba: running the published interaction scripts.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// The nodes of a script, the messages between them, and what its commands do.
struct InteractionScript {
    /// What a command printed, in the form in which it is compared.
    enum Output {
        case nothing
        case lines([String])
        case events(ScriptEvents)
        case deliveries(ScriptEvents)
    }

    /// A command that no node of ours obeys.
    struct Refusal: Error {
        var command: String
    }

    private(set) var nodes: [ScriptNode] = []
    private var messages: [RaftMessage] = []
    /// Every snapshot that a node has had.
    private var points: [RaftSnapshotPoint] = []
    /// Whether the script shows what happens.
    private(set) var isLoud = true

    mutating func run(_ item: DataDrivenCase) throws(Refusal) -> Output {
        let names = item.arguments.filter { $0.values.isEmpty }.map(\.key)
        let chosen = names.compactMap { UInt64($0) }
        switch item.command {
        case "log-level": isLoud = names != ["none"]
        case "add-nodes": try addNodes(item, count: Int(names[0]) ?? 0)
        case "campaign": self[chosen[0]].node.step(.campaign)
        case "propose": self[chosen[0]].node.propose([Array(names[1].utf8)])
        case "tick-heartbeat": self[chosen[0]].tick(1)
        case "tick-election": self[chosen[0]].tick(3)
        case "set-randomized-election-timeout":
            self[chosen[0]].electionTicks = item["timeout"].flatMap { UInt64($0[0]) }
        case "report-unreachable": self[chosen[0]].node.step(.unreachable(n(chosen[1])))
        case "process-ready":
            var events = ScriptEvents()
            for id in chosen { handleReady(self[id], &events) }
            return .events(events)
        case "process-append-thread":
            var events = ScriptEvents()
            for id in chosen { handleAppend(self[id], &events) }
            return .events(events)
        case "process-apply-thread": for id in chosen { self[id].handleApply() }
        case "stabilize": return .events(stabilize(chosen.isEmpty ? nodes.map(\.node.id.rawValue) : chosen))
        case "deliver-msgs": return .deliveries(deliver(to: chosen, item))
        case "send-snapshot":
            let point = self[chosen[0]].node.core.snapshot
            let body = RaftMessage.Body.installSnapshot(index: point.index, term: point.term)
            let term = self[chosen[0]].node.term
            messages.append(RaftMessage(from: n(chosen[0]), to: n(chosen[1]), term: term, body: body))
        case "compact":
            self[chosen[0]].node.core.log.compact(upTo: i(chosen[1]))
            self[chosen[0]].node.core.configurations.compact(upTo: i(chosen[1]))
            self[chosen[0]].node.disk.entries.removeAll { $0.index <= i(chosen[1]) }
            return .lines(log(of: self[chosen[0]]))
        case "raft-log": return .lines(log(of: self[chosen[0]]))
        case "raft-state": return .lines(nodes.map(state))
        case "status": return .lines(status(of: self[chosen[0]]))
        default: throw Refusal(command: item.command)
        }
        return .nothing
    }

    private subscript(id: UInt64) -> ScriptNode {
        for node in nodes where node.node.id == n(id) { return node }
        preconditionFailure("no node \(id)")
    }

    private mutating func addNodes(_ item: DataDrivenCase, count: Int) throws(Refusal) {
        if item["read-only"] != nil { throw Refusal(command: "read-only") }
        func ids(_ key: String) -> [NodeID] { (item[key] ?? []).compactMap { UInt64($0).map(n) } }
        // A node that is added without anything is a voter all the same, of a cluster that knows it.
        let voters = item["voters"] == nil ? nodes[0].node.configuration.voters : ids("voters")
        let index = item["index"].flatMap { UInt64($0[0]) }
        for _ in 0..<count {
            let id = UInt64(nodes.count) + 1
            var options = RaftOptions(id: n(id), electionTimeout: .milliseconds(300))
            options.usesPreVote = item["prevote"] == ["true"]
            options.checksQuorum = item["checkquorum"] == ["true"]
            options.inflightMessagesMax = item["inflight"].flatMap { Int($0[0]) } ?? 256
            nodes.append(
                ScriptNode(
                    id,
                    configuration: RaftConfiguration(voters: voters, learners: ids("learners")),
                    index: index,
                    isAsynchronous: item["async-storage-writes"] == ["true"],
                    options: options
                )
            )
        }
    }

    // MARK: Events

    private mutating func send(_ sent: [RaftMessage], _ events: inout ScriptEvents) {
        for message in sent { events.send(message.scriptText) }
        messages += sent
    }

    private mutating func handleReady(_ node: ScriptNode, _ events: inout ScriptEvents) {
        let points = points
        let sent = node.handleReady(&events) { index in points.first { $0.index == index } }
        send(sent, &events)
        self.points.append(node.node.core.snapshot)
    }

    private mutating func handleAppend(_ node: ScriptNode, _ events: inout ScriptEvents) {
        send(node.handleAppend(), &events)
    }

    /// Lets the chosen nodes do what is to be done until nothing is.
    private mutating func stabilize(_ chosen: [UInt64]) -> ScriptEvents {
        var events = ScriptEvents()
        let chosen = nodes.filter { chosen.contains($0.node.id.rawValue) }
        var isDone = false
        while !isDone {
            isDone = true
            for node in chosen where node.hasReady {
                isDone = false
                handleReady(node, &events)
            }
            for node in chosen {
                let mail = messages.filter { $0.to == node.node.id }
                messages.removeAll { $0.to == node.node.id }
                for message in mail { node.receive(message) }
                isDone = isDone && mail.isEmpty
            }
            for node in chosen {
                while node.hasAppends {
                    isDone = false
                    handleAppend(node, &events)
                }
                while node.hasApplies { node.handleApply() }
            }
        }
        return events
    }

    private mutating func deliver(to chosen: [UInt64], _ item: DataDrivenCase) -> ScriptEvents {
        var events = ScriptEvents()
        let dropped = (item["drop"] ?? []).compactMap { UInt64($0) }
        let type = item["type"]?[0]
        for id in chosen + dropped {
            let mail = messages.filter { message in
                message.to == n(id) && (type == nil || message.scriptText.contains(" \(type ?? "") "))
            }
            messages.removeAll { mail.contains($0) }
            for message in mail {
                events.send(message.scriptText)
                if !dropped.contains(id) { self[id].receive(message) }
            }
        }
        return events
    }

    // MARK: Descriptions

    private func log(of node: ScriptNode) -> [String] {
        let disk = node.node.disk
        if disk.entries.isEmpty { return ["log is empty: first index=\(disk.last.next), last index=\(disk.last)"] }
        return disk.entries.map(ScriptNode.text)
    }

    private func state(of node: ScriptNode) -> String {
        let core = node.node.core
        let names: [RaftRole: String] = [
            .follower: "StateFollower", .preCandidate: "StatePreCandidate", .candidate: "StateCandidate",
            .leader: "StateLeader",
        ]
        let votes = core.currentConfiguration.quorum.contains(node.node.id) ? "Voter" : "Non-Voter"
        let term = ScriptNode.text(of: node.node.term)
        return
            "\(node.name): \(names[node.node.role] ?? "") (\(votes)) Term:\(term) Lead:\(node.node.leader?.rawValue ?? 0)"
    }

    private func status(of node: ScriptNode) -> [String] {
        let core = node.node.core
        let durable = core.status().durable
        var lines: [(id: NodeID, text: String)] = [
            (node.node.id, "StateReplicate match=\(durable) next=\(durable.next)")
        ]
        for peer in core.peers {
            var text: String
            switch peer.state {
            case .probe: text = "StateProbe match=\(peer.match) next=\(peer.next)"
            case .replicate: text = "StateReplicate match=\(peer.match) next=\(peer.next)"
            case .snapshot(let index): text = "StateSnapshot match=\(peer.match) next=\(max(peer.next, index.next))"
            }
            if peer.isPaused(core.options) { text += " paused" }
            if case .snapshot(let index) = peer.state { text += " pendingSnap=\(index)" }
            if peer.inflights.count > 0 { text += " inflight=\(peer.inflights.count)" }
            if peer.inflights.isFull(messagesMax: core.options.inflightMessagesMax, bytesMax: .max) { text += "[full]" }
            lines.append((peer.id, text))
        }
        return lines.sorted { $0.id < $1.id }.map { "\($0.id.rawValue): \($0.text)" }
    }
}
