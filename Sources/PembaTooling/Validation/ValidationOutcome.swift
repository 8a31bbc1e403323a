// Pemba: what became of one line of a validation file.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// What became of one assertion, or of the expected subjects of one permission.
package struct ValidationOutcome: Equatable, Sendable {
    /// A sentence for each thing that is not as expected; empty if all is.
    package let failures: [String]

    /// The outcome of an assertion: the answer that it got, or why it got none.
    ///
    /// - Parameter mode: how it was asked, where that says something.
    package init(_ check: ExpectedCheck, _ answer: Result<Decision, ToolError>, mode: String? = nil) {
        let expected = check.expected?.word ?? "an answer"
        let place = "\(check.item)\(mode.map { " (\($0))" } ?? "")"
        switch answer {
        case .success(let decision):
            let holds = check.expected.map { $0 == decision.permissionship } ?? true
            failures = holds ? [] : ["\(place): expected \(expected), got \(decision.text)"]
        case .failure(let error): failures = ["\(place): expected \(expected), got an error: \(error)"]
        }
    }

    /// The outcome of comparing expected subjects with an expansion.
    package init(_ expected: ExpectedRelations, _ expansion: Result<ExpandTree, ToolError>) {
        let place = "\(expected.resource)#\(expected.permission)"
        switch expansion {
        case .success(let tree):
            failures = ValidationOutcome.differences(expected.subjects, SubjectSet(of: tree).subjects)
                .map { "\(place): \($0)" }
        case .failure(let error): failures = ["\(place): the subjects could not be found: \(error)"]
        }
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
