// Pemba: why a replica does not serve a read or a command.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

extension ServiceError {
    /// The zookie is of a revision that the cluster has not reached.
    static func futureZookie(_ revision: Revision, reached: Revision) -> ServiceError {
        ServiceError(
            .futureZookie,
            "the zookie is of revision \(revision), which the cluster has not reached: it is at \(reached)",
            details: [.init("revision", reached.description)]
        )
    }

    /// The moment that is asked about is still to come.
    static func momentToCome(_ moment: Timestamp, reached: Revision, at present: Timestamp) -> ServiceError {
        ServiceError(
            .futureZookie,
            "\(moment.rfc3339) is still to come: here it is \(present.rfc3339), and the newest revision is \(reached); leave "
                + "the time out to ask about the present",
            details: [.init("revision", reached.description), .init("time", present.rfc3339)]
        )
    }

    /// The deadline came before the revision.
    static func revisionNotReached(_ revision: Revision, reached: Revision) -> ServiceError {
        ServiceError(
            .revisionNotReached,
            "this node has reached revision \(reached), and the request demands \(revision); ask another node or again",
            details: [.init("revision", reached.description)]
        )
    }

    /// The deadline came before the leader's answer.
    static let readTooLate = ServiceError(
        .deadlineExceeded,
        "the leader did not confirm its leadership before the deadline; nothing was evaluated"
    )

    /// Nobody leads, as far as this node knows.
    static let noLeader = ServiceError(
        .noLeader,
        "no leader can be reached from this node; nothing was done; ask another node, or again after an election"
    )

    /// This node may be missing what was committed.
    static func stale(_ staleness: TimeSpan?, bound: TimeSpan, reached: Revision) -> ServiceError {
        let age = staleness.map { "for \($0)" } ?? "since it started"
        return ServiceError(
            .stale,
            "this node has been out of touch with the leader \(age), and may answer for \(bound); ask another node",
            details: [.init("revision", reached.description)]
        )
    }

    /// Too many wait already.
    static func overloaded(_ what: String, limit: Int) -> ServiceError {
        ServiceError(.overloaded, "\(what) (limit \(limit)); nothing was done; send it again after a moment")
    }

    /// The fate of a command is open.
    static let outcomeUnknown = ServiceError(
        .outcomeUnknown,
        "the write was proposed, and whether it was done was not known at its deadline; repeat it with its idempotency key, "
            + "or read what it would have written"
    )

    /// The deadline came before a command was proposed.
    static let notProposed = ServiceError(
        .deadlineExceeded,
        "the deadline passed before the write could be proposed; nothing was done"
    )
}
