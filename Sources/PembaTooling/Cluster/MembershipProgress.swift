// Pemba: how far a change of the members is.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// Says how far the nodes are that a change waits for, and how long that will take, once a second or when it is news.
struct MembershipProgress {
    private static let interval = Duration.seconds(1)

    private var last = ""
    private var lastAt: ContinuousClock.Instant?
    /// What is measured of whom, and where it stood when that began.
    private var start: (what: String, done: UInt64, at: ContinuousClock.Instant)?

    /// The next line; nil if there is nothing new to say.
    mutating func line(_ status: NodeStatus, now: ContinuousClock.Instant = .now) -> String? {
        if let lastAt, now - lastAt < MembershipProgress.interval { return nil }
        let text = text(status, now: now)
        guard text != last else { return nil }
        (last, lastAt) = (text, now)
        return text
    }

    private mutating func text(_ status: NodeStatus, now: ContinuousClock.Instant) -> String {
        guard let member = status.members.first(where: { $0.catchUp != nil }), let catchUp = member.catchUp else {
            return "waiting for the change to be committed"
        }
        let node = "node \(member.node)"
        if let snapshot = member.snapshot {
            guard snapshot.total > 0 else { return "\(node): a snapshot is on its way" }
            let (done, total) = (UInt64(snapshot.done), UInt64(snapshot.total))
            return "\(node): \(done) of \(total) blocks of a snapshot" + left("\(node) snapshot", done, total, now)
        }
        let (done, total) = (member.matchIndex?.rawValue ?? 0, catchUp.target.rawValue)
        guard done < total else { return "\(node): caught up, round \(catchUp.round)" }
        return "\(node): entry \(done) of \(total), round \(catchUp.round)" + left("\(node) log", done, total, now)
    }

    /// How long the rest takes at the rate since the beginning.
    private mutating func left(
        _ what: String,
        _ done: UInt64,
        _ total: UInt64,
        _ now: ContinuousClock.Instant
    ) -> String {
        guard let start, start.what == what, start.done <= done else {
            start = (what, done, now)
            return ""
        }
        let seconds = (now - start.at) / .seconds(1)
        guard seconds > 0.5, done > start.done else { return "" }
        let rate = Double(done - start.done) / seconds
        return ", \(Int((Double(total - done) / rate).rounded(.up))) s left"
    }
}
