// Pemba: what became of one line of a validation file.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// What became of one assertion, of the expected subjects of one permission, or of one lookup.
package struct ValidationOutcome: Equatable, Sendable {
    /// A sentence for each thing that is not as expected; empty if all is.
    package let failures: [String]

    /// The outcome of an assertion: the answer that it got, or why it got none.
    ///
    /// - Parameter source: who answered, where that says something.
    package init(_ check: ExpectedCheck, _ answer: Result<Decision, ToolError>, by source: String? = nil) {
        let expected = check.expected?.word ?? "an answer"
        let place = ValidationOutcome.place("\(check.item)", source)
        switch answer {
        case .success(let decision):
            guard check.expected.map({ $0 == decision.permissionship }) ?? true else {
                failures = ["\(place): expected \(expected), got \(decision.text)"]
                return
            }
            guard let missing = check.missingContext, missing != Set(decision.missingContext) else {
                failures = []
                return
            }
            let wanted = Decision(.conditional, missingContext: missing.sorted()).text
            failures = ["\(place): expected \(wanted), got \(decision.text)"]
        case .failure(let error): failures = ["\(place): expected \(expected), got an error: \(error)"]
        }
    }

    /// The outcome of comparing expected subjects with an expansion.
    package init(
        _ expected: ExpectedRelations,
        _ expansion: Result<ExpandTree, ToolError>,
        by source: String? = nil
    ) {
        let place = ValidationOutcome.place("\(expected.resource)#\(expected.permission)", source)
        switch expansion {
        case .success(let tree):
            failures = ValidationOutcome.differences(expected.subjects, SubjectSet(of: tree).subjects)
                .map { "\(place): \($0)" }
        case .failure(let error): failures = ["\(place): the subjects could not be found: \(error)"]
        }
    }

    /// The outcome of a lookup, with a sentence for each item that is not as expected.
    init(_ lookup: ExpectedLookup, failures: [String], by source: String?) {
        let place = ValidationOutcome.place(lookup.text, source)
        self.failures = failures.map { "\(place): \($0)" }
    }

    private static func place(_ question: String, _ source: String?) -> String {
        question + (source.map { " (\($0))" } ?? "")
    }

    private static func differences(_ expected: [ExpectedSubject], _ found: [ExpectedSubject]) -> [String] {
        var rest = Dictionary(found.map { ($0.subject, $0) }) { first, _ in first }
        var differences: [String] = []
        for line in expected {
            guard let match = rest.removeValue(forKey: line.subject) else {
                differences.append("expected `\(line.text)`, which does not have it")
                continue
            }
            // What a line does not say of relations it does not demand.
            var wanted = line
            if wanted.relations.isEmpty { wanted.relations = match.relations }
            wanted.excluded.sort { "\($0.subject)" < "\($1.subject)" }
            if wanted != match { differences.append("expected `\(line.text)`, found `\(match.text)`") }
        }
        return differences + rest.values.map { "found `\($0.text)`, which is not expected" }.sorted()
    }
}
