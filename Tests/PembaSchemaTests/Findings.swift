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
    /// A permission written in full parentheses with its names, so that a test reads what binds to what.
    func text(of permission: String, in definition: String) throws -> String {
        let definition = try #require(definitions.first { $0.name == definition })
        let relation = try #require(definition.relations.first { $0.name == permission })
        guard case .permission(let rewrite) = relation.kind else { return "a relation" }
        return rewrite.text(in: definition)
    }
}

extension UsersetRewrite {
    fileprivate func text(in definition: CompiledDefinition) -> String {
        switch self {
        case .empty: "nil"
        case .computedUserset(let number): definition.relations[number].name
        case .tupleToUserset(let tupleset, let computed, .any): "\(definition.relations[tupleset].name)->\(computed)"
        case .tupleToUserset(let tupleset, let computed, .all):
            "\(definition.relations[tupleset].name).all(\(computed))"
        case .union(let operands): "(" + operands.map { $0.text(in: definition) }.joined(separator: " + ") + ")"
        case .intersection(let operands): "(" + operands.map { $0.text(in: definition) }.joined(separator: " & ") + ")"
        case .exclusion(let base, let subtracted): "(\(base.text(in: definition)) - \(subtracted.text(in: definition)))"
        }
    }
}
