// Pemba: files of checks with the answers that are expected.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import PembaCore
package import PembaService

/// One check and, where the file says so, the answer that is expected.
package struct ExpectedCheck: Equatable, Sendable {
    /// The question.
    package let item: CheckItem
    /// The answer that is expected; nil: any.
    package let expected: Permissionship?
    /// The line of the file, from 1; 0 where the check does not come from a line.
    package let line: Int

    package init(item: CheckItem, expected: Permissionship?, line: Int) {
        self.item = item
        self.expected = expected
        self.line = line
    }
}

/// Lines of the form `resource#permission@subject`, optionally followed by `=> has` or `=> has-not`.
package enum ExpectedChecks {
    /// Reads every check of `text`; the error names `name`, the line and the rule.
    package static func parse(_ text: String, name: String) throws(ToolError) -> [ExpectedCheck] {
        var checks: [ExpectedCheck] = []
        for line in MeaningfulLines(text) {
            let (question, answer) = split(line.text)
            let expected: Permissionship?
            switch answer {
            case nil: expected = nil
            case "has": expected = .hasPermission
            case "has-not": expected = .noPermission
            case let other?:
                throw ToolError("\(name):\(line.number): `\(other)` is not an answer; write `=> has` or `=> has-not`")
            }
            do {
                checks.append(
                    ExpectedCheck(item: try CheckItem(parsing: question), expected: expected, line: line.number)
                )
            } catch {
                throw ToolError("\(name):\(line.number): \(error)")
            }
        }
        return checks
    }

    private static func split(_ line: String) -> (question: String, answer: String?) {
        guard let arrow = line.range(of: " => ") else { return (line, nil) }
        let question = line[..<arrow.lowerBound].drop { $0 == " " }
        return (String(question), String(line[arrow.upperBound...].drop { $0 == " " }))
    }
}

extension CheckItem {
    /// Reads `resource#permission@subject`: relationship text that asks instead of stating.
    package init(parsing text: String) throws(TupleTextError) {
        let tuple = try RelationTuple(parsing: text)
        guard !tuple.subject.isWildcard else {
            throw TupleTextError(text: text, reason: "a check asks about one subject, not about all of a type")
        }
        self.init(resource: tuple.resource, permission: tuple.relation, subject: tuple.subject)
    }
}
