// Pemba: what became of validation files.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

/// What became of one assertion of a validation file.
package struct AssertionOutcome: Equatable, Sendable {
    /// What an assertion got.
    package enum Answer: Equatable, Sendable {
        case permissionship(Permissionship)
        case failed(String)
    }

    /// The assertion.
    package let check: ExpectedCheck
    /// What it got.
    package let answer: Answer

    package init(check: ExpectedCheck, answer: Answer) {
        self.check = check
        self.answer = answer
    }

    /// Whether the answer is the expected one; where none is expected, whether there is an answer.
    package var holds: Bool {
        switch answer {
        case .permissionship(let permissionship): check.expected.map { $0 == permissionship } ?? true
        case .failed: false
        }
    }
}

/// What became of one validation file.
package struct ValidationReport: Encodable, Equatable, Sendable {
    /// The file.
    package let file: String
    /// How many assertions it has.
    package let assertions: Int
    /// A sentence for each assertion that does not hold.
    package let failures: [String]
    /// Why the file could not be checked at all.
    package let error: String?

    /// The report of a file whose assertions were tried.
    package init(file: String, outcomes: [AssertionOutcome]) {
        self.file = file
        assertions = outcomes.count
        failures = outcomes.filter { !$0.holds }.map { outcome in
            let expected = outcome.check.expected?.word ?? "an answer"
            switch outcome.answer {
            case .permissionship(let got): return "\(outcome.check.item): expected \(expected), got \(got.word)"
            case .failed(let reason): return "\(outcome.check.item): expected \(expected), got an error: \(reason)"
            }
        }
        error = nil
    }

    /// The report of a file that could not be checked.
    package init(file: String, error: String) {
        self.file = file
        assertions = 0
        failures = []
        self.error = error
    }
}

/// What became of all files of one run.
package struct ValidationSummary: Encodable {
    private let files: [ValidationReport]

    package init(_ files: [ValidationReport]) { self.files = files }

    /// Whether a file could not be checked at all.
    package var hasErrors: Bool { files.contains { $0.error != nil } }

    /// Whether every assertion of every file holds.
    package var holds: Bool { files.allSatisfy { $0.error == nil && $0.failures.isEmpty } }

    /// A line a file, the failures below it, and a sum.
    package var text: String {
        var lines: [String] = []
        for report in files {
            if let error = report.error {
                lines.append("error  \(report.file): \(error)")
            } else {
                let held = report.assertions - report.failures.count
                lines.append(
                    "\(report.failures.isEmpty ? "ok   " : "FAILED")  \(report.file): \(held) of \(report.assertions) hold"
                )
                lines += report.failures.map { "       \($0)" }
            }
        }
        let assertions = files.reduce(0) { $0 + $1.assertions }
        let failed = files.reduce(0) { $0 + $1.failures.count }
        lines.append(
            "\(files.count) files, \(assertions) assertions, \(failed) failed, \(files.count { $0.error != nil }) files with errors"
        )
        return lines.joined(separator: "\n") + "\n"
    }
}
