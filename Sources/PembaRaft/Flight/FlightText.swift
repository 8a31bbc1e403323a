// Pemba: a flight recording as people read it.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension RaftCore {
    /// Where the core stands, in a few words.
    var flightSummary: String {
        let vote = hardState.vote.map { ", vote for \($0)" } ?? ""
        let leader = leader.map { ", leader \($0)" } ?? ""
        let debt = hardState.debt == nil ? "" : ", owing"
        return
            "is \(role) in term \(term)\(vote)\(leader)\(debt), log \(log.firstIndex) to \(log.lastIndex) of term \(log.lastTerm), "
            + "durable \(durability.index), committed \(commitIndex), applied \(appliedIndex)"
    }
}

extension FlightInput {
    var flightText: String {
        switch self {
        case .step(.message(let message)): "from \(message.from): \(message.flightText)"
        case .step(.snapshotInstalled(let point)): "snapshot \(point.index) of term \(point.term) is installed"
        case .step(let input): "\(input)"
        case .propose(let payloads):
            "propose \(payloads.count) commands of \(payloads.reduce(0) { $0 + $1.count }) bytes"
        case .changeMembership(let request, let expected): "change the membership of \(expected): \(request)"
        }
    }
}

extension RaftEffect {
    var flightText: String {
        switch self {
        case .persist(let request):
            let state =
                request.hardState.map { ", term \($0.term), vote \($0.vote.map(\.description) ?? "none")" } ?? ""
            return "write \(request.sequence.rawValue): \(request.entries.flightText)\(state)"
        case .send(let message): return "to \(message.to): \(message.flightText)"
        default: return "\(self)"
        }
    }
}

extension RaftMessage {
    var flightText: String {
        switch body {
        case .appendEntries(let index, let previous, let entries, let commit):
            "term \(term), append after \(index) of term \(previous): \(entries.flightText), commit \(commit)"
        case .heartbeat(let commit, let context, _): "term \(term), heartbeat, commit \(commit), context \(context)"
        default: "term \(term), \(body)"
        }
    }
}

extension [LogEntry] {
    fileprivate var flightText: String {
        guard let first, let last else { return "nothing" }
        let bytes = reduce(0) { $0 + $1.payload.count }
        let kinds = contains { $0.kind == .configuration } ? " with a configuration" : ""
        return "entries \(first.index) to \(last.index) of terms \(first.term) to \(last.term), \(bytes) bytes\(kinds)"
    }
}
