// Pemba: what check and bulk-check answer, for people and for programs.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// The answer of `check`.
package struct CheckReport: Encodable {
    private let question: String
    private let permissionship: String
    private let missingContext: [String]?
    private let zookie: String
    private let revision: UInt64
    private let decision: Decision

    private enum CodingKeys: CodingKey {
        case question
        case permissionship
        case missingContext
        case zookie
        case revision
    }

    package init(item: CheckItem, answer: CheckAnswer) {
        decision = answer.decision
        question = item.description
        permissionship = answer.permissionship.word
        missingContext = answer.decision.missingIfAny
        zookie = answer.zookie.description
        revision = answer.zookie.revision.rawValue
    }

    /// One line for people.
    package var text: String { "\(decision.text)  \(question)  (revision \(revision))\n" }
}

/// The answers of `bulk-check`.
package struct BulkCheckReport: Encodable {
    private struct Row: Encodable {
        let question: String
        let answer: String?
        let missingContext: [String]?
        let expected: String?
        let error: String?
        let errorCode: String?
        let holds: Bool

        init(_ check: ExpectedCheck, _ result: Result<Decision, ServiceError>) {
            question = check.item.description
            expected = check.expected?.word
            switch result {
            case .success(let decision):
                answer = decision.permissionship.word
                missingContext = decision.missingIfAny
                error = nil
                errorCode = nil
                holds = check.expected.map { $0 == decision.permissionship } ?? true
            case .failure(let failure):
                answer = nil
                missingContext = nil
                error = failure.message
                errorCode = "\(failure.code)"
                holds = false
            }
        }

        var text: String {
            var line = "\(holds ? " " : "!") \(answer ?? "error")  \(question)"
            if let missingContext { line += "  needs \(missingContext.joined(separator: ", "))" }
            if !holds, let expected { line += "  expected: \(expected)" }
            if let error, let errorCode { line += "  \(error) [\(errorCode)]" }
            return line
        }
    }

    private let rows: [Row]
    private let revision: UInt64
    private let zookie: String

    /// Asks the cluster all of `checks`, at most `Limits.checksPerBulk` of them, at one revision.
    package static func gather(
        _ checks: [ExpectedCheck],
        contextualTuples: [RelationTuple] = [],
        maxDepth: UInt32? = nil,
        consistency: Consistency?,
        client: PembaClient
    ) async throws -> BulkCheckReport {
        guard checks.count <= Limits.checksPerBulk else {
            throw ToolError(
                "\(checks.count) checks are too many for one revision; at most \(Limits.checksPerBulk), split the file"
            )
        }
        let answer = try await client.checkBulk(
            checks.map(\.item),
            contextualTuples: contextualTuples,
            maxDepth: maxDepth,
            consistency: consistency
        )
        return BulkCheckReport(checks, answer)
    }

    /// The answers to `checks`, in their order.
    package init(_ checks: [ExpectedCheck], _ answer: BulkCheckAnswer) {
        precondition(checks.count == answer.results.count, "a bulk check answers every question")
        rows = zip(checks, answer.results).map(Row.init)
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
    }

    /// Whether a question could not be answered.
    package var hasErrors: Bool { rows.contains { $0.error != nil } }

    /// Whether every answer is the expected one.
    package var holds: Bool { rows.allSatisfy(\.holds) }

    /// A line a question and a sum for people.
    package var text: String {
        let failed = rows.count { !$0.holds }
        let sum = "\(rows.count) checks at revision \(revision), \(failed) not as expected"
        return (rows.map(\.text) + [sum]).joined(separator: "\n") + "\n"
    }
}
