// Pemba: what tests of schemas compare.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import Testing

/// A diagnostic as the tables of the tests write it: `12:3 unknown-relation`.
func findings(_ source: String) -> [String] {
    SchemaCompiler.analyze(source).diagnostics.map {
        "\($0.range.start.line):\($0.range.start.column) \($0.code.rawValue)"
    }
}

/// A schema that must compile without a warning.
func compiled(_ source: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> CompiledSchema {
    let analysis = SchemaCompiler.analyze(source)
    #expect(
        analysis.diagnostics.isEmpty,
        "\(analysis.diagnostics.map { $0.rendered(file: "schema") }.joined())",
        sourceLocation: sourceLocation
    )
    return try #require(analysis.schema, sourceLocation: sourceLocation)
}

extension CompiledSchema {
    /// A permission with its names, every operation inside another in parentheses.
    func text(of permission: String, in definition: String) throws -> String {
        let definition = try #require(definitions.first { $0.name == definition })
        let relation = try #require(definition.relations.first { $0.name == permission })
        guard case .permission(let rewrite) = relation.kind else { return "a relation" }
        return definition.text(of: rewrite)
    }
}
