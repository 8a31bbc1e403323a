// Pemba: from the text of a schema to a checked schema.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Compiles schemas.
///
/// Pure: the same text gives the same schema or the same errors everywhere.
package enum SchemaCompiler {
    /// Compiles a schema, or says everything that is wrong with it.
    package static func compile(_ source: String) throws(SchemaErrors) -> CompiledSchema {
        let analysis = analyze(source)
        if let schema = analysis.schema { return schema }
        throw SchemaErrors(
            diagnostics: analysis.diagnostics.filter { $0.severity == .error },
            omittedCount: analysis.omittedErrorCount
        )
    }

    /// Compiles a schema and says everything about it, warnings included.
    package static func analyze(_ source: String) -> SchemaAnalysis {
        var collector = DiagnosticCollector()
        let byteCount = source.utf8.count
        guard byteCount <= Limits.schemaBytes else {
            collector.report(
                .schemaTooLarge,
                "a schema has at most \(Limits.schemaBytes) bytes, this one has \(byteCount)",
                at: 0..<0
            )
            // Nothing of it is read; an excerpt of what is not would say nothing.
            return SchemaAnalysis(
                schema: nil,
                diagnostics: collector.diagnostics(in: SourceText("")),
                omittedErrorCount: 0
            )
        }
        let text = SourceText(source)
        let tree = SchemaParser.parse(text, into: &collector)
        let schema = SchemaChecker.check(tree, of: text, into: &collector)
        return SchemaAnalysis(
            schema: schema,
            diagnostics: collector.diagnostics(in: text),
            omittedErrorCount: collector.omittedErrors
        )
    }
}

/// What there is to say about a schema.
package struct SchemaAnalysis: Sendable {
    /// The schema, if it has no errors.
    package let schema: CompiledSchema?
    /// Errors and warnings, in the order of the source; of each at most the first hundred that were met.
    package let diagnostics: [Diagnostic]
    /// How many more errors there are.
    package let omittedErrorCount: Int
}
