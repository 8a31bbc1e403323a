// Pemba: the audit events of a node.
// SPDX-License-Identifier: Apache-2.0

package import Logging
package import PembaCore
package import PembaService

/// Who changed what, and who was turned away.
///
/// Every event has the label `audit`, `kind` = `audit`, an `audit.event`, the caller's name and address; none has a
/// key, a token or the content of a tuple.
package struct AuditLog: Sendable {
    private let logger: Logger

    package init(logger: Logger) {
        var logger = logger
        logger[metadataKey: "kind"] = "audit"
        self.logger = logger
    }

    /// Tuples were written by a request of this kind: how many it named, deleted or changed.
    package func wrote(_ kind: RequestKind, caller: String, address: String, tuples: Int, revision: Revision) {
        var metadata = metadata(kind.name, caller, address)
        metadata["audit.updates"] = .stringConvertible(tuples)
        metadata["audit.revision"] = .stringConvertible(revision.rawValue)
        logger.notice("tuples written", metadata: metadata)
    }

    /// The schema was replaced.
    package func wroteSchema(caller: String, address: String, bytes: Int, revision: Revision) {
        var metadata = metadata("schema", caller, address)
        metadata["audit.bytes"] = .stringConvertible(bytes)
        metadata["audit.revision"] = .stringConvertible(revision.rawValue)
        logger.notice("schema written", metadata: metadata)
    }

    /// A change of the members was begun with the entry at `index`, or leadership was handed over.
    package func changedMembers(caller: String, address: String, change: String, index: LogIndex?) {
        var metadata = metadata("membership", caller, address)
        metadata["audit.change"] = "\(change)"
        if let index { metadata["audit.revision"] = .stringConvertible(index.rawValue) }
        logger.notice("members changed", metadata: metadata)
    }

    /// A write or schema change was refused or its outcome is not known.
    ///
    /// The reason is the error's code alone: its message may quote tuples.
    package func failed(event: String, caller: String, address: String, reason: ErrorCode) {
        var metadata = metadata(event, caller, address)
        metadata["audit.reason"] = "\(reason)"
        logger.notice("change not made", metadata: metadata)
    }

    /// A connection brought no valid credential, or one without the role for what it asked.
    package func refused(caller: String, address: String, reason: String) {
        var metadata = metadata("refused", caller, address)
        metadata["audit.reason"] = "\(reason)"
        logger.warning("caller refused", metadata: metadata)
    }

    /// For the transport, which knows the connections that were turned away before they could say who they are.
    package var refusedConnections: Logger {
        var logger = logger
        logger[metadataKey: "audit.event"] = "refused"
        return logger
    }

    private func metadata(_ event: String, _ caller: String, _ address: String) -> Logger.Metadata {
        // No event has more than five, and every write makes one: it does not grow.
        var metadata = Logger.Metadata(minimumCapacity: 5)
        metadata["audit.event"] = .string(event)
        metadata["audit.caller"] = .string(caller)
        metadata["audit.address"] = .string(address)
        return metadata
    }
}
