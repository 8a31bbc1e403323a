// Pemba: what commands answer, for people and for programs.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// The answer of a write.
package struct WrittenReport: Encodable {
    private let zookie: String
    private let revision: UInt64

    package init(zookie: Zookie) {
        self.zookie = zookie.description
        revision = zookie.revision.rawValue
    }
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

/// One tuple of `relationship read`.
package struct TupleReport: Encodable {
    private let resourceType: String
    private let resourceID: String
    private let relation: String
    private let subjectType: String
    private let subjectID: String
    private let subjectRelation: String?

    package init(_ tuple: RelationTuple) {
        resourceType = tuple.resource.type
        resourceID = tuple.resource.id
        relation = tuple.relation
        subjectType = tuple.subject.object.type
        subjectID = tuple.subject.object.id
        subjectRelation = tuple.subject.relation
    }
}

extension Permissionship {
    /// `has` or `has-not`, as files of checks write it.
    package var word: String {
        switch self {
        case .hasPermission: "has"
        case .noPermission: "has-not"
        }
    }
}

/// The answer of `check`.
package struct CheckReport: Encodable {
    private let question: String
    private let permissionship: String
    private let zookie: String
    private let revision: UInt64

    package init(item: CheckItem, answer: CheckAnswer) {
        question = item.description
        permissionship = answer.permissionship.word
        zookie = answer.zookie.description
        revision = answer.zookie.revision.rawValue
    }

    /// One line for people.
    package var text: String { "\(permissionship)  \(question)  (revision \(revision))\n" }
}

/// The answers of `bulk-check`.
package struct BulkCheckReport: Encodable {
    private struct Row: Encodable {
        let question: String
        let answer: String?
        let expected: String?
        let error: String?
        let holds: Bool
    }

    private let rows: [Row]
    private let revision: UInt64
    private let zookie: String

    /// Asks the cluster all of `checks`, at most `Limits.checksPerBulk` of them, at one revision.
    package static func gather(
        _ checks: [ExpectedCheck],
        consistency: Consistency,
        client: PembaClient
    ) async throws -> BulkCheckReport {
        guard checks.count <= Limits.checksPerBulk else {
            throw ToolError(
                "\(checks.count) checks are too many for one revision; at most \(Limits.checksPerBulk), split the file"
            )
        }
        return BulkCheckReport(checks, try await client.checkBulk(checks.map(\.item), consistency: consistency))
    }

    /// The answers to `checks`, in their order.
    package init(_ checks: [ExpectedCheck], _ answer: BulkCheckAnswer) {
        precondition(checks.count == answer.results.count, "a bulk check answers every question")
        rows = zip(checks, answer.results).map { check, result in
            switch result {
            case .success(let permissionship):
                Row(
                    question: check.item.description,
                    answer: permissionship.word,
                    expected: check.expected?.word,
                    error: nil,
                    holds: check.expected.map { $0 == permissionship } ?? true
                )
            case .failure(let error):
                Row(
                    question: check.item.description,
                    answer: nil,
                    expected: check.expected?.word,
                    error: error.description,
                    holds: false
                )
            }
        }
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
    }

    /// Whether a question could not be answered.
    package var hasErrors: Bool { rows.contains { $0.error != nil } }

    /// Whether every answer is the expected one.
    package var holds: Bool { rows.allSatisfy(\.holds) }

    /// A line a question and a sum for people.
    package var text: String {
        var lines = rows.map { row in
            let mark = row.holds ? " " : "!"
            let wanted = row.holds || row.expected == nil ? "" : "  expected: \(row.expected ?? "")"
            return "\(mark) \(row.answer ?? "error")  \(row.question)\(wanted)\(row.error.map { "  \($0)" } ?? "")"
        }
        let failed = rows.count { !$0.holds }
        lines.append("\(rows.count) checks at revision \(revision), \(failed) not as expected")
        return lines.joined(separator: "\n") + "\n"
    }
}
