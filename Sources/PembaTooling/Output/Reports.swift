// Pemba: what commands answer, for people and for programs.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// The answer of a write of the schema.
package struct SchemaWrittenReport: Encodable {
    private let zookie: String
    private let revision: UInt64

    package init(zookie: Zookie) {
        self.zookie = zookie.description
        revision = zookie.revision.rawValue
    }
}

/// The answer of a write of relationships that are named.
package struct WrittenReport: Encodable {
    private let created: UInt64
    private let touched: UInt64
    private let deleted: UInt64
    /// The zookie of the write.
    package let zookie: String
    private let revision: UInt64

    package init(_ answer: WriteAnswer) {
        created = answer.counts.created
        touched = answer.counts.touched
        deleted = answer.counts.deleted
        zookie = answer.zookie.description
        revision = answer.zookie.revision.rawValue
    }

    /// One line for people.
    package var text: String { "\(created) created, \(touched) touched, \(deleted) deleted; zookie \(zookie)\n" }
}

/// The answer of `schema read`.
package struct SchemaReport: Encodable {
    private let schema: String
    private let zookie: String

    package init(schema: String, zookie: String) {
        self.schema = schema
        self.zookie = zookie
    }
}

/// The answer of `relationship delete` by filter.
package struct DeletionReport: Encodable {
    private let deleted: UInt64
    private let complete: Bool
    /// The zookie of the last deletion.
    package let zookie: String
    private let revision: UInt64

    package init(deleted: UInt64, complete: Bool, zookie: Zookie) {
        self.deleted = deleted
        self.complete = complete
        self.zookie = zookie.description
        revision = zookie.revision.rawValue
    }

    /// One line for people.
    package var text: String {
        let rest = complete ? "" : ", and more are left"
        return "\(deleted) relationship\(deleted == 1 ? "" : "s") deleted\(rest); zookie \(zookie)\n"
    }
}

/// The answer of `relationship set`.
package struct SetReport: Encodable {
    private struct Change: Encodable {
        let change: String
        let tuple: TupleReport
    }

    private let created: UInt64
    private let touched: UInt64
    private let deleted: UInt64
    /// Nil if they are too many to be listed.
    private let changes: [Change]?
    private let zookie: String
    private let revision: UInt64
    private let answer: SetAnswer

    private enum CodingKeys: CodingKey {
        case created
        case touched
        case deleted
        case changes
        case zookie
        case revision
    }

    package init(_ answer: SetAnswer) {
        self.answer = answer
        created = answer.counts.created
        touched = answer.counts.touched
        deleted = answer.counts.deleted
        changes =
            answer.isListed
            ? answer.changes.map { Change(change: SetReport.word(for: $0.operation), tuple: TupleReport($0.tuple)) }
            : nil
        zookie = answer.zookie.description
        revision = answer.zookie.revision.rawValue
    }

    private static func word(for operation: TupleUpdate.Operation) -> String {
        switch operation {
        case .create: "created"
        case .touch: "touched"
        case .delete: "deleted"
        }
    }

    /// A line a change and a sum for people.
    package var text: String {
        var lines = answer.changes.map { "\(SetReport.word(for: $0.operation))  \($0.tuple)" }
        if !answer.isListed { lines.append("(too many changes to list them)") }
        lines.append("\(created) created, \(touched) touched, \(deleted) deleted; zookie \(zookie)")
        return lines.joined(separator: "\n") + "\n"
    }
}
