// Pemba: running our own scripts of changing members.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaRaft

/// The nodes of a script, the messages that wait to be delivered, and what a command makes of them.
///
/// Writes are durable at once unless a script holds them back, time stands still unless it passes, and a snapshot that
/// is offered is installed.
struct MemberScript {
    private var nodes: [ScriptedMember] = []
    private var mail: [RaftMessage] = []
    /// What has happened since the command began.
    private var story: [String] = []

    /// Does what a command says; what happens by that, a line each.
    mutating func run(_ item: DataDrivenCase) -> String {
        story = []
        let names = item.arguments.filter { $0.values.isEmpty }.map(\.key)
        let chosen = names.compactMap { UInt64($0) }
        switch item.command {
        case "nodes": addVoters(item, chosen)
        case "new": for id in chosen { addNew(id) }
        case "campaign": step(chosen[0], .campaign)
        case "elect": elect(chosen[0])
        case "propose":
            let payload = Array(names[1].utf8)
            act(chosen[0]) { node in
                if case .notLeader = node.propose([payload]) { return "refused: it does not lead" }
                return nil
            }
        case "change": change(item, chosen[0])
        case "abandon": act(chosen[0]) { node in MemberScript.text(of: node.change(.abandon)) }
        case "transfer": step(chosen[0], .transferLeadership(to: n(chosen[1])))
        case "compact": compact(chosen[0])
        case "hold": self[chosen[0]].node.persistsAtOnce = false
        case "write":
            act(chosen[0]) { node in
                node.persist()
                return nil
            }
        case "deliver": for id in chosen { deliver(to: id, from: item["from"]) }
        case "lose": for id in chosen { lose(to: id, from: item["from"]) }
        case "settle": settle(chosen.isEmpty ? nodes.map(\.id) : chosen)
        case "pass": pass(milliseconds: chosen[0])
        case "state": story = nodes.map { "\($0.name): \($0.state)" }
        default: story = ["no command \(item.command)"]
        }
        return story.joined(separator: "\n")
    }

    private subscript(id: UInt64) -> ScriptedMember {
        for node in nodes where node.id == id { return node }
        preconditionFailure("no node \(id)")
    }

    // MARK: Commands

    private mutating func addVoters(_ item: DataDrivenCase, _ chosen: [UInt64]) {
        func ids(_ key: String) -> [UInt64] { (item[key] ?? []).compactMap { UInt64($0) } }
        for id in chosen {
            add(TestNode(id, of: ids("voters"), learners: ids("learners"), seed: 7) { $0.trailingEntries = 0 })
        }
    }

    /// Adds a node that holds nothing, and has heard enough of whoever leads to take a log from it.
    private mutating func addNew(_ id: UInt64) {
        let node = TestNode.blank(id)
        if let leader = nodes.first(where: { $0.node.role == .leader }) {
            node.core.acquaintance = Acquaintance(term: leader.node.term, firstRound: 0, latestRound: 2, commit: .zero)
        }
        add(node)
    }

    private mutating func add(_ node: TestNode) {
        node.now = nodes.first?.node.now ?? .zero
        nodes.append(ScriptedMember(node))
    }

    /// Makes a node lead, and tells no more of that than how it stands then.
    private mutating func elect(_ id: UInt64) {
        step(id, .campaign)
        settle(nodes.map(\.id))
        story = ["\(id): \(self[id].state)"]
    }

    private mutating func change(_ item: DataDrivenCase, _ id: UInt64) {
        func ids(_ key: String) -> [UInt64] { (item[key] ?? []).compactMap { UInt64($0) } }
        let expected = item["at"].flatMap { UInt64($0[0]) }.map { i($0) }
        act(id) { node in
            MemberScript.text(of: node.change(voters: ids("voters"), learners: ids("learners"), expected: expected))
        }
    }

    private static func text(of outcome: MembershipOutcome) -> String? {
        switch outcome {
        case .appended: nil
        case .notLeader: "refused: it does not lead"
        case .transferring: "refused: leadership is being handed over"
        case .refused(let refusal): "refused: \(refusal)"
        }
    }

    /// Makes a snapshot of what is committed, and forgets the log before its end.
    private mutating func compact(_ id: UInt64) {
        act(id) { node in
            node.step(.applied(node.commit))
            node.step(.compact(node.commit))
            node.disk.snapshot = node.core.snapshot
            node.disk.entries.removeAll { $0.index <= node.core.snapshot.index }
            return "has a snapshot at \(node.core.snapshot.index), and the log after it"
        }
    }

    /// Lets time pass; whatever falls due is done by the nodes in turn.
    private mutating func pass(milliseconds: UInt64) {
        for member in nodes {
            member.node.now = member.node.now + .milliseconds(milliseconds)
            if member.node.core.nextDeadline <= member.node.now { step(member.id, .tick) }
        }
    }

    // MARK: Messages

    private mutating func take(_ id: UInt64, from senders: [String]?) -> [RaftMessage] {
        let taken = mail.filter { message in
            message.to == n(id) && senders?.contains(String(message.from.rawValue)) != false
        }
        mail.removeAll { message in taken.contains(message) }
        return taken
    }

    private mutating func deliver(to id: UInt64, from senders: [String]? = nil) {
        for message in take(id, from: senders) {
            story.append(message.memberText)
            step(id, .message(message))
        }
    }

    private mutating func lose(to id: UInt64, from senders: [String]?) {
        for message in take(id, from: senders) { story.append("lost: \(message.memberText)") }
    }

    /// Delivers what the chosen nodes say to each other and are told until there is nothing more.
    private mutating func settle(_ chosen: [UInt64]) {
        while mail.contains(where: { chosen.contains($0.to.rawValue) }) {
            for id in chosen { deliver(to: id) }
        }
    }

    // MARK: Steps

    private mutating func step(_ id: UInt64, _ input: RaftInput) {
        act(id) { node in
            node.step(input)
            return nil
        }
    }

    /// Lets something happen to a node, tells what came of it, and installs a snapshot that is offered.
    private mutating func act(_ id: UInt64, _ action: (TestNode) -> String?) {
        let member = self[id]
        if let remark = action(member.node) { story.append("  \(member.name) \(remark)") }
        conclude(member)
        while let offer = member.node.offers.first {
            member.node.offers = []
            let sender = self[offer.from.rawValue]
            let point = sender.node.core.snapshot
            #expect(point.index == offer.index)
            member.node.disk.install(point)
            member.node.step(.snapshotInstalled(point))
            story.append("  \(member.name) installs the snapshot at \(point.index)")
            sender.node.step(.snapshotSent(to: member.node.id, index: point.index, succeeded: true))
            conclude(member)
            conclude(sender)
        }
    }

    private mutating func conclude(_ member: ScriptedMember) {
        story += member.news().map { "  \(member.name) \($0)" }
        mail += member.node.takeSent()
    }
}
