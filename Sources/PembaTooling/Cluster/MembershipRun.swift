// Pemba: changing the members and waiting until that is done.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
package import PembaService

/// Begins a change of the members, unless it is made or under way already, and follows it to its end.
package struct MembershipRun {
    /// Between two looks.
    private static let pause = Duration.milliseconds(200)
    /// How often a change is begun again when another one came first, or when nobody leads.
    private static let attempts = 10

    private let client: PembaClient
    private let edit: MemberEdit
    private let allowsLossOfQuorum: Bool
    private let note: (String) -> Void

    /// `note` gets sentences for people: warnings, and how far the change is.
    package init(
        _ edit: MemberEdit,
        client: PembaClient,
        allowsLossOfQuorum: Bool = false,
        note: @escaping (String) -> Void
    ) {
        self.edit = edit
        self.client = client
        self.allowsLossOfQuorum = allowsLossOfQuorum
        self.note = note
    }

    /// Makes the change; the members afterwards.
    package func run(patience: Duration) async throws -> NodeStatus {
        let deadline = ContinuousClock.now + patience
        let begun = try await MembershipRun.interruptible(
            "whether the change has begun is not known: the same command begins it or waits for its end, and clusterctl "
                + "member list shows it",
            begin
        )
        if let warning = MembershipRun.warning(about: begun) { note(warning) }
        return try await MembershipRun.interruptible(
            "the change is under way and goes on: the same command waits for its end, clusterctl member list shows it, and "
                + "clusterctl member abandon gives it up"
        ) { try await follow(from: begun, until: deadline) }
    }

    /// Does a part of the work; if it is interrupted, `advice` says how things stand.
    private static func interruptible(
        _ advice: String,
        _ body: () async throws -> NodeStatus
    ) async throws -> NodeStatus {
        do {
            return try await body()
        } catch let error where Interruption.isCause(of: error) {
            throw Interruption(advice)
        }
    }

    /// Looks, compares and asks for the change, until it stands in the log.
    private func begin() async throws -> NodeStatus {
        var attempt = 1
        while true {
            let status = try await client.membership()
            guard let change = try edit.change(from: status) else { return status }
            try requireQuorum(after: change, status)
            do {
                let index = status.membership.index
                return try await client.changeMembership(change, ifConfigurationIsAt: index).status
            } catch {
                // Another change came first, the leader has just changed, or it is not known what became of this one:
                // looking again clears that up.
                let isStale = error.serviceError?.detail("configuration") != nil
                let isOver = error.outcomeIsKnown && !isStale && error.serviceError?.code != .unavailable
                guard !isOver, attempt < MembershipRun.attempts else { throw error }
                attempt += 1
                try await Task.sleep(for: MembershipRun.pause)
            }
        }
    }

    /// Looks until nothing is left to be done.
    private func follow(from begun: NodeStatus, until deadline: ContinuousClock.Instant) async throws -> NodeStatus {
        var status = begun
        var progress = MembershipProgress()
        while !edit.isDone(in: status) {
            if status.membership.isSettled {
                throw ToolError(MembershipRun.reason(status, after: begun.membership.index))
            }
            guard ContinuousClock.now < deadline else {
                throw ToolError(
                    "the change is under way and not complete yet: follow it with clusterctl member list, or give it up "
                        + "with clusterctl member abandon"
                )
            }
            if let line = progress.line(status) { note(line) }
            try await Task.sleep(for: MembershipRun.pause)
            // While a leader is being elected nothing is known, and nothing is lost.
            status = try await look(before: deadline) ?? status
        }
        return status
    }

    /// The members, or nil if nobody could say for now.
    private func look(before deadline: ContinuousClock.Instant) async throws -> NodeStatus? {
        do {
            return try await client.membership()
        } catch {
            guard ContinuousClock.now < deadline, error.serviceError?.code.retry != .never else { throw error }
            return nil
        }
    }

    /// Why a change that has ended is not made.
    private static func reason(_ status: NodeStatus, after index: LogIndex) -> String {
        guard let abandoned = status.membership.abandoned, abandoned.index >= index else {
            return "the change was given up, or another one replaced it: see clusterctl member list"
        }
        let why =
            switch abandoned.reason {
            case .silent: "it was silent, or got no further, for too long"
            case .tooSlow: "it did not come close enough to the leader, however often it caught up"
            }
        return "node \(abandoned.node) got no vote: \(why); it stays a learner, and nobody else's vote has changed: "
            + "see to it and promote it, or remove it"
    }

    // MARK: - Warnings

    /// Refuses a change after which fewer voters than a majority are connected.
    private func requireQuorum(after change: MembershipChange, _ status: NodeStatus) throws(ToolError) {
        guard case .reach(let voters, _, _) = change, !allowsLossOfQuorum else { return }
        let lost = voters.filter { node in status.members.contains { $0.node == node && !$0.isConnected } }
        guard voters.count - lost.count <= voters.count / 2 else { return }
        let names = lost.map(\.description).joined(separator: ", ")
        throw ToolError(
            "of the \(voters.count) voters there would be, \(lost.count) cannot be reached (node \(names)), and the rest is "
                + "no majority: the cluster would stop; bring them back or remove them first, or insist with --force"
        )
    }

    /// What is odd about an even number of voters.
    static func warning(about status: NodeStatus) -> String? {
        let count = MemberSets(status).voters.count
        guard count > 1, count.isMultiple(of: 2) else { return nil }
        return
            "warning: \(count) voters survive the loss of \(count / 2 - 1), as \(count - 1) do, and each write waits for "
            + "one more: an odd number is better"
    }
}
