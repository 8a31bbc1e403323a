// Pemba: one node of an interaction script.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

@testable import PembaRaft

/// A node whose effects gather until a script says that they are handled.
///
/// The scripts' nodes begin in term 0 with a log that ends in term 1, which ours refuses to do. So terms here are greater
/// by one than what is printed; only the log's beginning, of term 1, is printed as it is.
final class ScriptNode {
    /// Writes that a script's storage has been handed, and what it answers once they are durable.
    private struct Append {
        var count: Int
        var answers: [RaftMessage]
    }

    let node: TestNode
    private let isAsynchronous: Bool
    private let beginsEmpty: Bool
    /// Sent since the last handling, and by the durability of what it wrote.
    private var outgoing: [RaftMessage] = []
    private var appends: [Append] = []
    private var applies: [LogIndex] = []
    private var handedOut: LogIndex
    private var knownHardState: String
    private var knownLeadership: RaftLeadership
    /// The deadline that the script has chosen; without one nobody campaigns by itself.
    var electionTicks: UInt64?

    /// A node whose log begins after `index`.
    ///
    /// Without one it has nothing at all in the script; as ours would refuse a voter without data, it begins with the first
    /// entry instead.
    init(_ id: UInt64, configuration: RaftConfiguration, index: UInt64?, isAsynchronous: Bool, options: RaftOptions) {
        self.isAsynchronous = isAsynchronous
        beginsEmpty = index == nil
        let index = index ?? 1
        let point = RaftSnapshotPoint(index: i(index), term: t(1), timestamp: .zero, configuration: configuration)
        let disk = TestDisk(hardState: HardState(term: t(1)), snapshot: point, entries: [])
        node = TestNode(options: options, disk: disk, seed: id)
        node.persistsAtOnce = false
        handedOut = i(index)
        knownHardState = ""
        knownLeadership = node.core.leadership
        knownHardState = hardState
    }

    var name: String { String(node.id.rawValue) }

    // MARK: Texts

    static func text(of term: Term) -> UInt64 { term.rawValue - min(term.rawValue, 1) }

    static func logText(of term: Term) -> UInt64 { term == .zero ? 0 : max(text(of: term), 1) }

    static func text(of entry: LogEntry) -> String {
        let payload = String(decoding: entry.payload, as: UTF8.self).replacing("\"", with: "\\\"")
        return "\(logText(of: entry.term))/\(entry.index) EntryNormal \"\(payload)\""
    }

    private var hardState: String {
        let vote = node.vote.map { " Vote:\($0.rawValue)" } ?? ""
        let commit = beginsEmpty && node.commit == i(1) ? .zero : node.commit
        return "Term:\(ScriptNode.text(of: node.term))\(vote) Commit:\(commit)"
    }

    // MARK: Steps

    /// Takes up a message, unless the scripts' nodes would not even answer it.
    func receive(_ message: RaftMessage) {
        let isSilent = !node.options.checksQuorum && !node.options.usesPreVote
        if message.term < node.term, isSilent { return }
        if case .requestVote = message.body, message.term < node.term { return }
        // Whoever hears from a leader there says nothing to those who ask.
        if case .preVote = message.body, node.core.hearsFromLeader { return }
        collect()
        node.step(.message(message))
        if case .heartbeatResponse = message.body {
            outgoing += node.takeSent().filter { !$0.isHeartbeat }
        } else {
            collect()
        }
        answerEarly(message)
    }

    /// Their nodes answer a heartbeat before its term is durable, which ours do not.
    ///
    /// Where storage is slow, what the script is about follows from that answer.
    private func answerEarly(_ message: RaftMessage) {
        guard isAsynchronous, case .heartbeat(_, let context, _) = message.body,
            !node.core.durability.isHardStateDurable
        else { return }
        let body = RaftMessage.Body.heartbeatResponse(context: context, probe: 1)
        outgoing.append(RaftMessage(from: node.id, to: message.from, term: node.term, body: body))
    }

    /// Their nodes ask for votes before their term is durable, which ours do not.
    private func askEarly() {
        guard isAsynchronous, node.role == .candidate else { return }
        let body = RaftMessage.Body.requestVote(
            lastIndex: node.core.log.lastIndex,
            lastTerm: node.core.log.lastTerm,
            transfer: false
        )
        for voter in node.core.configuration.voters where voter != node.id {
            outgoing.append(RaftMessage(from: node.id, to: voter, term: node.term, body: body))
        }
    }

    /// Lets ticks of the shortest interval pass; a leader's heartbeats go out.
    func tick(_ count: Int) {
        for _ in 0..<count {
            collect()
            node.now = node.now + node.options.heartbeatInterval
            if node.role != .leader {
                let start = node.core.leaderContact
                let ticks = electionTicks.map { TimeSpan(nanoseconds: $0 * node.options.heartbeatInterval.nanoseconds) }
                node.core.electionDeadline = ticks.map { start + $0 } ?? .distantFuture
            }
            node.step(.tick)
            outgoing += node.takeSent()
        }
    }

    /// Takes what was sent.
    private func collect() { outgoing += node.takeSent().filter(isCommon) }

    /// Whether their nodes send this as well.
    ///
    /// Their new leaders wait for a tick to send heartbeats, and tell a peer nothing while it has its fill of messages.
    private func isCommon(_ message: RaftMessage) -> Bool {
        if case .appendEntries(_, _, let entries, _) = message.body, entries.isEmpty {
            guard let peer = node.core.peers.first(where: { $0.id == message.to }) else { return true }
            return !peer.inflights.isFull(messagesMax: node.options.inflightMessagesMax, bytesMax: .max)
        }
        return !message.isHeartbeat
    }

    var hasReady: Bool {
        collect()
        let writes = node.pending.count > appends.map(\.count).reduce(0, +)
        return writes || !outgoing.isEmpty || knownHardState != hardState || node.commit > handedOut
            || knownLeadership != node.core.leadership || !node.offers.isEmpty
    }

    /// Handles what has gathered; returns the messages that leave.
    func handleReady(_ events: inout ScriptEvents, snapshot: (LogIndex) -> RaftSnapshotPoint?) -> [RaftMessage] {
        collect()
        installOffer(snapshot)
        let isChanged = note(&events)
        if isChanged { askEarly() }
        let requests = node.pending.dropFirst(appends.map(\.count).reduce(0, +))
        var written: [LogEntry] = []
        for request in requests {
            if let first = request.entries.first { written.removeAll { $0.index >= first.index } }
            written += request.entries
        }
        for entry in written { events.write(ScriptNode.text(of: entry), at: name) }
        let commit = node.commit
        if handedOut < node.core.snapshot.index { handedOut = node.core.snapshot.index }
        for entry in node.log where entry.index > handedOut && entry.index <= commit {
            events.apply(ScriptNode.text(of: entry), at: name)
        }
        if commit > handedOut { applies.append(commit) }
        handedOut = commit
        let answers = outgoing.filter { $0.isAnswer && !$0.isHeartbeatAnswer }
        var leaving = outgoing.filter { !$0.isAnswer || $0.isHeartbeatAnswer }
        outgoing = []
        if isChanged || !requests.isEmpty || !answers.isEmpty {
            appends.append(Append(count: requests.count, answers: answers))
        }
        if !isAsynchronous {
            leaving += handleAppend()
            handleApply()
        }
        return leaving
    }

    /// Makes the oldest writes durable; returns the answers that waited for that.
    func handleAppend() -> [RaftMessage] {
        guard !appends.isEmpty else { return [] }
        let append = appends.removeFirst()
        if append.count > 0 { node.persist(append.count) }
        let sent = node.takeSent()
        outgoing += sent.filter { !$0.isAnswer && !$0.isVoteRequest && isCommon($0) }
        // Where storage is slow, heartbeats were answered and votes were asked for early.
        let late = sent.filter {
            isAsynchronous ? $0.isAnswer && !$0.isHeartbeatAnswer : $0.isAnswer || $0.isVoteRequest
        }
        return late + append.answers
    }

    func handleApply() {
        guard !applies.isEmpty else { return }
        let index = applies.removeFirst()
        node.step(.applied(index))
        // Their storage always has a snapshot of what is applied, and keeps the log.
        node.step(.compact(index))
    }

    var hasAppends: Bool { !appends.isEmpty }
    var hasApplies: Bool { !applies.isEmpty }

    /// Notes a new term, vote or commit index; false if there is none.
    private func note(_ events: inout ScriptEvents) -> Bool {
        knownLeadership = node.core.leadership
        guard hardState != knownHardState else { return false }
        events.reach(hardState, at: name)
        knownHardState = hardState
        return true
    }

    private func installOffer(_ snapshot: (LogIndex) -> RaftSnapshotPoint?) {
        guard let offer = node.offers.last, node.core.offeredSnapshot == offer.index else { return }
        node.offers = []
        guard let point = snapshot(offer.index) else { return }
        node.persist()
        node.disk.install(point)
        node.step(.snapshotInstalled(point))
        collect()
    }
}

extension RaftMessage {
    /// Whether it answers another one, and so may wait for a write.
    var isAnswer: Bool {
        switch body {
        case .preVoteResponse, .voteResponse, .appendAccepted, .appendRejected, .heartbeatResponse, .snapshotResponse:
            true
        default: false
        }
    }

    var isVoteRequest: Bool {
        if case .requestVote = body { return true }
        return false
    }

    var isHeartbeatAnswer: Bool {
        if case .heartbeatResponse = body { return true }
        return false
    }

    var isHeartbeat: Bool {
        if case .heartbeat = body { return true }
        return false
    }

    /// As the scripts print it.
    var scriptText: String {
        let head = "\(from.rawValue)->\(to.rawValue) "
        let term = "Term:\(ScriptNode.text(of: term))"
        func log(_ logTerm: Term, _ index: LogIndex) -> String { " Log:\(ScriptNode.logText(of: logTerm))/\(index)" }
        func refusal(_ granted: Bool) -> String { granted ? "" : " Rejected (Hint: 0)" }
        func commitText(_ commit: LogIndex) -> String { commit == .zero ? "" : " Commit:\(commit)" }
        switch body {
        case .preVote(let index, let logTerm): return head + "MsgPreVote \(term)" + log(logTerm, index)
        case .preVoteResponse(let granted): return head + "MsgPreVoteResp \(term) Log:0/0" + refusal(granted)
        case .requestVote(let index, let logTerm, _): return head + "MsgVote \(term)" + log(logTerm, index)
        case .voteResponse(let granted): return head + "MsgVoteResp \(term) Log:0/0" + refusal(granted)
        case .appendEntries(let index, let logTerm, let entries, let commit):
            let list = entries.map(ScriptNode.text).joined(separator: ", ")
            let text = entries.isEmpty ? "" : " Entries:[\(list)]"
            return head + "MsgApp \(term)" + log(logTerm, index) + commitText(commit) + text
        case .appendAccepted(let match): return head + "MsgAppResp \(term) Log:0/\(match)"
        case .snapshotResponse(let index, _): return head + "MsgAppResp \(term) Log:0/\(index)"
        case .appendRejected(let rejected, let hint, let hintTerm):
            return head + "MsgAppResp \(term)" + log(hintTerm, rejected) + " Rejected (Hint: \(hint))"
        case .heartbeat(let commit, _, _): return head + "MsgHeartbeat \(term) Log:0/0" + commitText(commit)
        // An answer to somebody of an older term.
        case .heartbeatResponse(0, 0): return head + "MsgAppResp \(term) Log:0/0"
        case .heartbeatResponse: return head + "MsgHeartbeatResp \(term) Log:0/0"
        case .installSnapshot(let index, _): return head + "MsgSnap \(term) Log:0/0 Index:\(index)"
        case .timeoutNow: return head + "MsgTimeoutNow \(term) Log:0/0"
        case .readIndex, .readIndexResponse, .removed, .conditionalGrant: return head + "\(body)"
        }
    }
}
