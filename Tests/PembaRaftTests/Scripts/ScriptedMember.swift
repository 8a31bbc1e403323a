// Pemba: one node of a script of changing members, and how scripts tell what it does.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// A node and what a script knows of it, so that each command tells only what is new.
final class ScriptedMember {
    let node: TestNode
    private var term: Term
    private var vote: NodeID?
    private var leadership: RaftLeadership
    private var log: [LogEntry]
    private var configuration: RaftConfiguration
    private var commit: LogIndex
    private var removedAt: LogIndex?

    init(_ node: TestNode) {
        self.node = node
        term = node.term
        vote = node.vote
        leadership = node.core.leadership
        log = node.log
        configuration = node.configuration
        commit = node.commit
        removedAt = node.core.removedAt
    }

    var id: UInt64 { node.id.rawValue }
    var name: String { String(id) }

    /// The whole of what a script is concerned with.
    var state: String {
        let removed = node.core.removedAt.map { ", was removed by \($0)" } ?? ""
        return "\(role), term \(node.term), log to \(node.last), committed \(node.commit), \(configuration.memberText)"
            + removed
    }

    private var role: String {
        switch node.role {
        case .follower: node.leader.map { "follows \($0)" } ?? "follows nobody"
        case .preCandidate: "asks whether it could win"
        case .candidate: "is a candidate"
        case .leader: "leads"
        }
    }

    /// What has changed since the last look, a line each.
    func news() -> [String] {
        var lines: [String] = []
        if (term, vote) != (node.term, node.vote) {
            term = node.term
            vote = node.vote
            lines.append("is in term \(term)" + (vote.map { " and votes for \($0)" } ?? ""))
        }
        if leadership != node.core.leadership {
            leadership = node.core.leadership
            lines.append(role)
        }
        let current = node.log
        for entry in log where entry.index > node.core.snapshot.index && !current.contains(entry) {
            lines.append("removes \(entry.memberText)")
        }
        for entry in current where !log.contains(entry) { lines.append("appends \(entry.memberText)") }
        log = current
        if configuration != node.configuration {
            configuration = node.configuration
            lines.append("goes by \(configuration.memberText)")
        }
        if commit != node.commit {
            commit = node.commit
            lines.append("commits up to \(commit)")
        }
        if removedAt != node.core.removedAt {
            removedAt = node.core.removedAt
            lines.append("knows that it was removed")
        }
        return lines
    }
}

extension RaftConfiguration {
    /// `(2 3)&(1 2)` are two sets of voters that decide together.
    var memberText: String {
        func list(_ nodes: [NodeID]) -> String { "(" + nodes.map(\.description).joined(separator: " ") + ")" }
        var text = "voters \(list(voters))"
        if isJoint { text += "&\(list(outgoingVoters))" }
        if !learners.isEmpty { text += " learners \(list(learners))" }
        if !nextLearners.isEmpty { text += " then learners \(list(nextLearners))" }
        if let goal {
            text += " goal \(list(goal.voters))" + (goal.learners.isEmpty ? "" : " learners \(list(goal.learners))")
        }
        if !removed.isEmpty { text += " removed \(list(removed))" }
        return text
    }
}

extension LogEntry {
    /// Term and index, and what it holds.
    var memberText: String {
        let content =
            switch kind {
            case .configuration: ((try? RaftConfiguration(payload: payload))?.memberText ?? "no configuration")
            case .noop: "no-op"
            default: String(decoding: payload, as: UTF8.self)
            }
        return "\(term)/\(index) \(content)"
    }
}

extension RaftMessage {
    /// As scripts tell it, without what only counts rounds and clocks.
    var memberText: String {
        let head = "\(from)->\(to) term \(term): "
        switch body {
        case .appendEntries(let index, let previous, let entries, let commit):
            let list = entries.map { "\($0.term)/\($0.index)" }.joined(separator: " ")
            return head + "append after \(previous)/\(index)" + (list.isEmpty ? "" : ": \(list)") + ", commit \(commit)"
        case .appendAccepted(let match): return head + "has up to \(match)"
        case .appendRejected(let rejected, let hint, let hintTerm):
            return head + "lacks \(rejected), perhaps agrees at \(hintTerm)/\(hint)"
        case .preVote(let index, let last): return head + "would you vote? log to \(last)/\(index)"
        case .preVoteResponse(let granted): return head + (granted ? "would vote" : "would not vote")
        case .requestVote(let index, let last, let transfer):
            return head + "asks for a vote" + (transfer ? " for the leader" : "") + ", log to \(last)/\(index)"
        case .voteResponse(let granted): return head + (granted ? "votes" : "does not vote")
        case .heartbeat(let commit, _, _): return head + "heartbeat, commit \(commit)"
        case .heartbeatResponse: return head + "hears"
        case .installSnapshot(let index, let last): return head + "offers the snapshot at \(last)/\(index)"
        case .snapshotResponse(let index, let installed):
            return head + (installed ? "has the snapshot at \(index)" : "did not get the snapshot at \(index)")
        case .timeoutNow: return head + "campaign now"
        case .removed(let configuration): return head + "you were removed by \(configuration)"
        case .readIndex, .readIndexResponse, .conditionalGrant: return head + "\(body)"
        }
    }
}
