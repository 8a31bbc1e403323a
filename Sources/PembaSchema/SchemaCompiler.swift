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
        guard let text = text(of: source, into: &collector) else {
            // Nothing of it is read; an excerpt of what is not would say nothing.
            return SchemaAnalysis(
                schema: nil,
                diagnostics: collector.diagnostics(in: SourceText("")),
                omittedErrorCount: 0
            )
        }
        var tree = SchemaParser.parse(text, into: &collector)
        for syntax in tree.imports {
            tree.isIncomplete = true
            collector.report(
                .unsupportedFeature,
                "nothing can be imported here: a schema is one text by the time it is compiled",
                at: syntax.range,
                hint: "write the schema with `clusterctl`, which puts in the place of an import what the file holds"
            )
        }
        let schema = SchemaChecker.check(tree, of: text, into: &collector)
        return SchemaAnalysis(
            schema: schema,
            diagnostics: collector.diagnostics(in: text),
            omittedErrorCount: collector.omittedErrors
        )
    }

    /// Reads a schema without a look at what its names mean.
    static func parse(_ source: String) throws(SchemaErrors) -> (text: SourceText, tree: SyntaxTree) {
        var collector = DiagnosticCollector()
        let text = text(of: source, into: &collector)
        let tree = text.map { SchemaParser.parse($0, into: &collector) }
        if let text, let tree, !collector.hasErrors { return (text, tree) }
        throw SchemaErrors(
            diagnostics: collector.diagnostics(in: text ?? SourceText("")).filter { $0.severity == .error },
            omittedCount: collector.omittedErrors
        )
    }

    /// The source, if it is not too large to be read.
    private static func text(of source: String, into collector: inout DiagnosticCollector) -> SourceText? {
        let byteCount = source.utf8.count
        guard byteCount > Limits.schemaBytes else { return SourceText(source) }
        collector.report(
            .schemaTooLarge,
            "a schema has at most \(Limits.schemaBytes) bytes, this one has \(byteCount)",
            at: 0..<0
        )
        return nil
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
