// Pemba: why a schema was refused.
// SPDX-License-Identifier: Apache-2.0

/// Why a schema was refused: every error that was found, in the order of the source.
package struct SchemaErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// The errors; never empty.
    package let diagnostics: [Diagnostic]
    /// How many more there are, which were only counted.
    package let omittedCount: Int

    /// Collects errors.
    package init(diagnostics: [Diagnostic], omittedCount: Int) {
        precondition(!diagnostics.isEmpty, "a schema without errors was refused")
        self.diagnostics = diagnostics
        self.omittedCount = omittedCount
    }

    /// The text for people, as a compiler prints it.
    package func rendered(file: String = "schema") -> String {
        var text = diagnostics.map { $0.rendered(file: file) }.joined(separator: "\n")
        if omittedCount > 0 { text += "\nand \(omittedCount) more errors\n" }
        return text
    }

    /// The text for people.
    package var description: String { rendered() }
}
