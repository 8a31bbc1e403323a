// Pemba: nodes, messages and events by number.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

/// Every state of a node and every message that an exploration met, and what followed from each event in each state.
///
/// A cluster has many more states than its nodes have. The Raft core runs once for each event in each state of a node;
/// all the rest is counting.
struct Catalogue {
    /// What follows from an event.
    struct Step {
        /// The state of the node afterwards.
        var node: Int
        /// The messages that it sends.
        var sent: [Int]
        /// The reads that it answers, and the index at which it does.
        var reads: [(ticket: Int, index: LogIndex)]
    }

    /// What a message is, as far as it decides whether it can still make a difference.
    enum Relevance: UInt8 {
        /// A request, or an announcement: it is answered whenever it comes.
        case always
        /// It makes no difference once its term is over.
        case whileTermLasts
        /// Besides, it makes no difference to a node that in its term does not campaign.
        case toCandidate
        /// Besides, it makes no difference to a node that in its term does not lead and never will.
        case toLeader
    }

    let bounds: ExplorationBounds
    let namings: NodeNamings
    private(set) var nodes: [ExploredNode] = []
    private(set) var summaries: [NodeSummary] = []
    /// By node and naming.
    private(set) var nodeDigests: [UInt64] = []
    private(set) var messages: [RaftMessage] = []
    /// By message and naming: the bit that stands for it in a set of messages.
    private(set) var messageBits: [Int] = []
    /// By message: the place of its receiver.
    private(set) var receivers: [Int] = []
    /// By message: its term, and what that means.
    private(set) var relevances: [(term: UInt64, kind: Relevance)] = []
    private var nodeNumbers: [UInt64: Int] = [:]
    private var messageNumbers: [UInt64: Int] = [:]
    private var bitNumbers: [UInt64: Int] = [:]
    private var steps = NumberTable()
    private(set) var allSteps: [Step] = []
    private(set) var histories: [ClusterHistory] = []
    /// By history and naming.
    private(set) var historyDigests: [UInt64] = []
    private var historyNumbers: [ClusterHistory: Int] = [:]

    /// The words of 64 bits that a set of messages takes.
    var messageWords: Int { (bitNumbers.count + 63) / 64 }

    init(_ bounds: ExplorationBounds) {
        self.bounds = bounds
        namings = NodeNamings(bounds)
    }

    /// About how many bytes it takes.
    var byteCount: Int { nodes.count * 3_000 + messages.count * 500 + allSteps.count * 150 }

    /// The number of a state of a node.
    mutating func number(of node: ExploredNode) -> Int {
        let digests = namings.digests { node.digest(naming: $0) }
        if let known = nodeNumbers[digests[0]] { return known }
        nodeNumbers[digests[0]] = nodes.count
        nodes.append(node)
        summaries.append(NodeSummary(node))
        nodeDigests += digests
        return nodes.count - 1
    }

    /// The number of a history.
    mutating func number(of history: ClusterHistory) -> Int {
        if let known = historyNumbers[history] { return known }
        historyNumbers[history] = histories.count
        histories.append(history)
        historyDigests += namings.digests { history.digest(naming: $0) }
        return histories.count - 1
    }

    private mutating func number(of message: RaftMessage) -> Int {
        let digests = namings.digests { message.digest(naming: $0) }
        if let known = messageNumbers[digests[0]] { return known }
        precondition(messages.count < NodeEvent.messagesMax, "more kinds of messages than can be told apart")
        messageNumbers[digests[0]] = messages.count
        messages.append(message)
        messageBits += digests.map { bit(of: $0) }
        receivers.append(Int(message.to.rawValue) - 1)
        relevances.append((message.term.rawValue, Catalogue.relevance(of: message)))
        return messages.count - 1
    }

    /// The bit of a message by its digest; those under other names of nodes have bits, too, before such a message is sent.
    private mutating func bit(of digest: UInt64) -> Int {
        if let known = bitNumbers[digest] { return known }
        bitNumbers[digest] = bitNumbers.count
        return bitNumbers.count - 1
    }

    private static func relevance(of message: RaftMessage) -> Relevance {
        switch message.body {
        case .preVote, .requestVote, .appendEntries, .heartbeat, .installSnapshot, .readIndex, .removed: .always
        case .preVoteResponse, .conditionalGrant, .timeoutNow, .readIndexResponse: .whileTermLasts
        case .voteResponse: .toCandidate
        case .appendAccepted, .appendRejected, .heartbeatResponse, .snapshotResponse: .toLeader
        }
    }

    /// Whether a message can make no difference to its receiver any more, whatever happens: answers that come too late are
    /// not even answered, and what is on disk does not go back.
    func isDead(_ message: Int, at receiver: NodeSummary) -> Bool {
        let (term, kind) = relevances[message]
        guard kind != .always, receiver.storedTerm.rawValue >= term else { return false }
        if receiver.storedTerm.rawValue > term { return true }
        switch kind {
        case .always, .whileTermLasts: return false
        case .toCandidate: return receiver.role != .candidate
        case .toLeader: return receiver.role == .follower || receiver.role == .preCandidate
        }
    }

    /// What follows from `event` at a node, as a number in `allSteps`.
    mutating func step(_ node: Int, _ event: UInt32) -> Int {
        let key = UInt64(node) << 32 | UInt64(event)
        if let known = steps[key] { return known }
        let kind = NodeEvent(code: event)
        var message: RaftMessage?
        if case .receive(let number) = kind { message = messages[number] }
        var next = nodes[node]
        let answer = next.take(kind, message: message, bounds: bounds)
        var sent: [Int] = []
        for message in answer.messages where !isLost(message) {
            let number = number(of: message)
            if !sent.contains(number) { sent.append(number) }
        }
        steps[key] = allSteps.count
        allSteps.append(Step(node: number(of: next), sent: sent, reads: answer.reads))
        return allSteps.count - 1
    }

    /// Heartbeats are lost unless the exploration is about them: they move no entry, and multiply the states.
    private func isLost(_ message: RaftMessage) -> Bool {
        let areHeard = bounds.heartbeats > 0 || (bounds.reads > 0 && bounds.confirmsReads)
        if case .heartbeat = message.body, !areHeard { return true }
        return message.to.rawValue > UInt64(bounds.nodes.count)
    }
}
