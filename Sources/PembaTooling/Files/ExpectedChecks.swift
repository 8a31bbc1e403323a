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
    /// The fields that a conditional answer has to lack, each once; nil where the file does not say.
    package var missingContext: Set<String>?

    package init(item: CheckItem, expected: Permissionship?, line: Int, missingContext: Set<String>? = nil) {
        self.item = item
        self.expected = expected
        self.line = line
        self.missingContext = missingContext
    }
}

/// Lines of the form `resource#permission@subject`, optionally followed by `with {json}` and then by `=> has`,
/// `=> has-not` or `=> conditional`.
package enum ExpectedChecks {
    private static let arrow = " => "

    /// Reads every check of `text`; the error names `name`, the line and the rule.
    package static func parse(_ text: String, name: String) throws(ToolError) -> [ExpectedCheck] {
        var checks: [ExpectedCheck] = []
        for line in MeaningfulLines(text) {
            let (question, answer) = split(line.text)
            let expected = answer.flatMap { Permissionship(word: $0) }
            if let answer, expected == nil {
                throw ToolError(
                    "\(name):\(line.number): `\(answer)` is not an answer; write `=> has`, `=> has-not` or `=> conditional`"
                )
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
        // The last arrow: a context or an id in quotes may hold one. A brace or a quote after it says that it is one of those.
        guard let found = line.range(of: arrow, options: .backwards),
            !line[found.upperBound...].contains(where: { $0 == "}" || $0 == "\"" })
        else { return (line, nil) }
        let question = line[..<found.lowerBound].drop { $0 == " " }
        return (String(question), String(line[found.upperBound...].drop { $0 == " " }))
    }
}

extension CheckItem {
    private static let separator = " with "

    /// Reads `resource#permission@subject`, optionally followed by ` with {json}`: relationship text that asks instead of
    /// stating, and a context.
    package init(parsing text: String) throws(TupleTextError) {
        let parts = text[...].firstMark(CheckItem.separator)
        let tuple = try RelationTuple(parsing: String(text[..<(parts?.lowerBound ?? text.endIndex)]))
        guard !tuple.subject.isWildcard else {
            throw TupleTextError(text: text, reason: "a check asks about one subject, not about all of a type")
        }
        guard tuple.isPlain else {
            throw TupleTextError(text: text, reason: "a check has neither caveat nor times; context follows ` with `")
        }
        var context = ContextObject.empty
        if let parts {
            do {
                let json = String(text[parts.upperBound...])
                context = try ContextObject(parsing: json, bytesMax: Limits.requestContextBytes)
            } catch {
                throw TupleTextError(text: text, reason: error.description)
            }
        }
        self.init(resource: tuple.resource, permission: tuple.relation, subject: tuple.subject, context: context)
    }
}
