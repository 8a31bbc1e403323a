// Pemba: what became of validation files.
// SPDX-License-Identifier: Apache-2.0

/// What became of one validation file.
package struct ValidationReport: Encodable, Equatable, Sendable {
    /// The file.
    package let file: String
    /// How many assertions and lists of expected subjects it has.
    package let assertions: Int
    /// How many of them do not hold.
    package let failed: Int
    /// A sentence for each thing that is not as expected.
    package let failures: [String]
    /// Why the file could not be checked at all.
    package let error: String?

    /// The report of a file whose assertions were tried.
    package init(file: String, outcomes: [ValidationOutcome]) {
        self.file = file
        assertions = outcomes.count
        failed = outcomes.count { !$0.failures.isEmpty }
        failures = outcomes.flatMap(\.failures)
        error = nil
    }

    /// The report of a file that could not be checked.
    package init(file: String, error: String) {
        self.file = file
        assertions = 0
        failed = 0
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
    package var holds: Bool { files.allSatisfy { $0.error == nil && $0.failed == 0 } }

    /// A line a file, the failures below it, and a sum.
    package var text: String {
        var lines: [String] = []
        for report in files {
            if let error = report.error {
                lines.append("error  \(report.file): \(error)")
            } else {
                let held = report.assertions - report.failed
                lines.append(
                    "\(report.failed == 0 ? "ok   " : "FAILED")  \(report.file): \(held) of \(report.assertions) hold"
                )
                if report.assertions == 0 {
                    lines.append(
                        "       note: the file expects nothing, so that only its schema and relationships were read"
                    )
                }
                lines += report.failures.map { "       \($0)" }
            }
        }
        let assertions = files.reduce(0) { $0 + $1.assertions }
        let failed = files.reduce(0) { $0 + $1.failed }
        lines.append(
            "\(files.count) files, \(assertions) assertions, \(failed) failed, \(files.count { $0.error != nil }) files with errors"
        )
        return lines.joined(separator: "\n") + "\n"
    }
}
