// Pemba: the members of the cluster, for operators.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

extension PembaClient {
    /// The members as the leader knows them; needs the role `admin`.
    public func membership(timeout: Duration? = nil) async throws(ClientError) -> NodeStatus {
        try await membership(MembershipMessage(change: nil, expected: .zero), timeout).status
    }

    /// Begins to change the members, if the configuration in force is still that of entry `expected`, which
    /// `membership` names; needs the role `admin`.
    ///
    /// The change is complete when `membership` says that it is settled. An error whose outcome is not known is cleared up
    /// by looking: a change that was begun is seen there.
    public func changeMembership(
        _ change: MembershipChange,
        ifConfigurationIsAt expected: LogIndex,
        timeout: Duration? = nil
    ) async throws(ClientError) -> MembershipAnswer {
        try await membership(MembershipMessage(change: change, expected: expected), timeout)
    }

    /// Between two requests while the leader is not reached yet.
    private static let pause = Duration.milliseconds(100)

    /// Asks until the leader answers: it may be a node that this client has only just heard of.
    private func membership(
        _ message: MembershipMessage,
        _ timeout: Duration?
    ) async throws(ClientError) -> MembershipAnswer {
        let deadline = ContinuousClock.now + (timeout ?? configuration.timeout)
        while true {
            do throws(ClientError) {
                return try await ask(message, timeout)
            } catch {
                let isLate = ContinuousClock.now + PembaClient.pause >= deadline
                guard error.serviceError?.code == .noLeader, !isLate else { throw error }
            }
            try? await Task.sleep(for: PembaClient.pause)
        }
    }

    private func ask(_ message: MembershipMessage, _ timeout: Duration?) async throws(ClientError) -> MembershipAnswer {
        guard case .membership(let answer) = try await perform(.membership(message), timeout: timeout) else {
            preconditionFailure("a request about the members was answered with something else")
        }
        return answer
    }
}
