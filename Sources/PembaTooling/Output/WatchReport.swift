// Pemba: changes as they happen, for people and for programs.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// The lines that one event of a watch makes.
package enum WatchReport {
    /// A record of the stream as JSON.
    private struct Record: Encodable {
        let event: String
        var revision: UInt64?
        var zookie: String?
        var time: String?
        var tuple: TupleReport?
        var metadata: ContextReport?
        var schema: String?

        init(_ event: String, _ zookie: Zookie? = nil) {
            self.event = event
            revision = zookie?.revision.rawValue
            self.zookie = zookie?.description
        }
    }

    /// The lines for programs: one record for each tuple, schema and checkpoint.
    package static func json(_ event: WatchEvent) throws -> String {
        try records(of: event).map { try JSONText.line($0) }.joined()
    }

    private static func records(of event: WatchEvent) -> [Record] {
        switch event {
        case .tuples(let tuples):
            return tuples.map { tuple in
                var record = Record("tuple")
                record.tuple = TupleReport(tuple)
                return record
            }
        case .changes(let zookie, let time, let changes, let metadata, _):
            return changes.map { change in
                var record = Record(word(for: change.kind), zookie)
                record.time = time.rfc3339
                record.tuple = TupleReport(change.tuple)
                if !metadata.isEmpty { record.metadata = ContextReport(metadata) }
                return record
            }
        case .schema(let zookie, let source):
            var record = Record("schema", zookie)
            record.schema = source
            return [record]
        case .checkpoint(let zookie): return [Record("checkpoint", zookie)]
        }
    }

    /// The lines for people; a checkpoint makes none, for it says that nothing happened.
    package static func text(_ event: WatchEvent) -> String {
        switch event {
        case .tuples(let tuples): tuples.map { "tuple    \($0)\n" }.joined()
        case .changes(let zookie, let time, let changes, let metadata, _):
            changes.map { change in
                let word = word(for: change.kind)
                let padding = String(repeating: " ", count: max(9 - word.count, 1))
                let why = metadata.isEmpty ? "" : "  \(metadata.json)"
                return "\(word)\(padding)\(change.tuple)  (revision \(zookie.revision), \(time.rfc3339))\(why)\n"
            }.joined()
        case .schema(let zookie, _): "schema   replaced  (revision \(zookie.revision))\n"
        case .checkpoint: ""
        }
    }

    private static func word(for kind: TupleChange.Kind) -> String {
        switch kind {
        case .created: "created"
        case .touched: "touched"
        case .deleted: "deleted"
        case .expired: "expired"
        }
    }
}
