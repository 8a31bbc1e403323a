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
    /// Every write makes an event, so that they are written without the dictionary that a `Logger` takes.
    private let handler: LineLogHandler

    init(handler: LineLogHandler) { self.handler = handler }

    /// Tuples were written by a request of this kind: how many it named, deleted or changed.
    package func wrote(_ kind: RequestKind, caller: String, address: String, tuples: Int, revision: Revision) {
        let revision = ("audit.revision", Logger.Metadata.Value.stringConvertible(revision.rawValue))
        let updates = ("audit.updates", Logger.Metadata.Value.stringConvertible(tuples))
        write(.notice, "tuples written", kind.name, caller, address, revision, updates)
    }

    /// The schema was replaced.
    package func wroteSchema(caller: String, address: String, bytes: Int, revision: Revision) {
        let bytes = ("audit.bytes", Logger.Metadata.Value.stringConvertible(bytes))
        let revision = ("audit.revision", Logger.Metadata.Value.stringConvertible(revision.rawValue))
        write(.notice, "schema written", "schema", caller, address, bytes, revision)
    }

    /// A change of the members was begun with the entry at `index`, or leadership was handed over.
    package func changedMembers(caller: String, address: String, change: String, index: LogIndex?) {
        let change = ("audit.change", Logger.Metadata.Value.string(change))
        let revision = index.map { ("audit.revision", Logger.Metadata.Value.stringConvertible($0.rawValue)) }
        write(.notice, "members changed", "membership", caller, address, change, revision)
    }

    /// A write or schema change was refused or its outcome is not known.
    ///
    /// The reason is the error's code alone: its message may quote tuples.
    package func failed(event: String, caller: String, address: String, reason: ErrorCode) {
        write(.notice, "change not made", event, caller, address, ("audit.reason", .string("\(reason)")))
    }

    /// A connection brought no valid credential, or one without the role for what it asked.
    package func refused(caller: String, address: String, reason: String) {
        write(.warning, "caller refused", "refused", caller, address, ("audit.reason", .string(reason)))
    }

    /// For the transport, which knows the connections that were turned away before they could say who they are.
    package var refusedConnections: Logger {
        var logger = Logger(label: NodeLogs.auditLabel) { _ in handler }
        logger[metadataKey: "kind"] = "audit"
        logger[metadataKey: "audit.event"] = "refused"
        return logger
    }

    /// Writes the events within `body` by one call at its end, so that it may send nobody what they tell.
    func together<Result>(_ body: () -> Result) -> Result { handler.together(body) }

    /// Writes an event with what all have and its own fields.
    private func write(
        _ level: Logger.Level,
        _ message: String,
        _ event: String,
        _ caller: String,
        _ address: String,
        _ fields: LineLogHandler.Field?...
    ) {
        var all: [LineLogHandler.Field] = [
            ("audit.address", .string(address)), ("audit.caller", .string(caller)), ("audit.event", .string(event)),
            ("kind", "audit"),
        ]
        for case let field? in fields { all.append(field) }
        all.sort { $0.key < $1.key }
        handler.write(level, message, all, mayWait: true)
    }
}
