// Pemba: audits of a replica's state.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaService

extension Replica {
    /// Why this node's state is not to be believed; nil: it is.
    package var quarantine: Quarantine? { audit.quarantine }

    /// Notes the state after an entry, and hears what the entry says about others'.
    mutating func auditApplied(_ entry: LogEntry, into effects: inout [ReplicaEffect]) {
        if audit.isDue(entry.index) {
            let statement = AuditStatement(index: entry.index, hash: stateMachine.stateHash)
            audit.note(statement)
            if leadership.role == .leader, audit.quarantine == nil { auditToState = statement }
        }
        guard let (node, statement) = stateMachine.takeStatement() else { return }
        let wasBelieved = audit.quarantine == nil
        // Of the configuration that is applied, not of the one in force: that is the same on all nodes after this entry.
        let voters = stateMachine.configuration.quorum
        let dissent = audit.hear(statement, from: node, id: id, voters: voters)
        if let dissent { auditToState = dissent }
        if wasBelieved, let quarantine = audit.quarantine { effects.append(.quarantined(quarantine)) }
    }

    /// Writes into the log what this node has to say, if anything; a statement that is lost is made again at the next audit.
    mutating func state(at time: ReplicaTime, into effects: inout [ReplicaEffect]) {
        guard let statement = auditToState else { return }
        auditToState = nil
        // Unlike any number of a client's request, and another one for each entry.
        let request = UInt64.max << 32 | statement.index.rawValue & 0xFFFF_FFFF
        let payload = Proposal(origin: id, request: request, command: .audit(statement)).encode()
        if leadership.role == .leader {
            _ = propose([payload], at: time, into: &effects)
        } else if let leader = leadership.leader, connected.contains(leader) {
            effects.append(.send(to: leader, .forwardProposals(term: leadership.term, [payload])))
        }
    }
}

extension ServiceError {
    /// The state of this node is not that of the others.
    static func diverged(_ quarantine: Quarantine) -> ServiceError {
        ServiceError(
            .unavailable,
            "the state of this node was not that of the others after entry \(quarantine.index), so that it answers nothing; "
                + "ask another node. An operator gives it a new state with `pembad --discard-state`"
        )
    }
}
