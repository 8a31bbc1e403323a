// Pemba: exporting relationships to files.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
package import PembaService

/// Prints all relationships of one revision.
package struct RelationshipExport {
    /// How it is printed.
    package enum Format: String, CaseIterable, Sendable {
        /// Relationship text, one a line.
        case text
        /// A validation file, with the schema.
        case validation
        /// A JSON object a line.
        case json
    }

    private let client: PembaClient
    private let filter: RelationshipFilter
    private let format: Format

    package init(client: PembaClient, filter: RelationshipFilter, format: Format) {
        self.client = client
        self.filter = filter
        self.format = format
    }

    /// Hands the text to `write`, piece by piece; returns the revision and the number of relationships.
    package func run(
        consistency: Consistency?,
        _ write: (String) throws -> Void
    ) async throws -> ExportEnd {
        var consistency = consistency
        if format == .validation {
            let schema = try await client.readSchema(consistency: consistency)
            consistency = .atExactSnapshot(schema.zookie)
            try write(ValidationText.head(schema: schema.source))
        }
        var tuples = client.export(matching: filter, consistency: consistency).makeAsyncIterator()
        var isEmpty = true
        while let batch = try await tuples.nextBatch() {
            isEmpty = false
            var text = ""
            for tuple in batch { text += try line(for: tuple) }
            try write(text)
        }
        guard let end = tuples.end else { preconditionFailure("an export ended without its end") }
        if format == .validation { try write(ValidationText.tail(isEmpty: isEmpty)) }
        return end
    }

    private func line(for tuple: RelationTuple) throws -> String {
        switch format {
        case .text: "\(tuple)\n"
        case .validation: ValidationText.line(tuple)
        case .json: try JSONText.line(TupleReport(tuple))
        }
    }
}

/// The parts of a validation file.
package enum ValidationText {
    private static let indentation = "  "

    /// Everything before the first relationship.
    package static func head(schema: String) -> String {
        let lines = schema.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        let isPlain = lines.allSatisfy { $0.allSatisfy { !$0.isForbiddenInYAML || $0 == "\t" } }
        let text = isPlain ? block(of: lines) : quoted(lines)
        return "schema: \(text)relationships: |2-\n"
    }

    private static func block(of lines: [Substring.UnicodeScalarView]) -> String {
        "|2-\n" + lines.map { $0.isEmpty ? "\n" : "\(indentation)\(String($0))\n" }.joined()
    }

    /// A text in quotes, a line a line: what a block cannot hold is escaped, and a `\` ends what is not the text's own line.
    private static func quoted(_ lines: [Substring.UnicodeScalarView]) -> String {
        let escaped = lines.map { line in
            let text = line.map { scalar in
                switch scalar {
                case "\"", "\\": "\\\(scalar)"
                case _ where scalar.isForbiddenInYAML: scalar.jsonEscape
                default: String(scalar)
                }
            }
            // White space that the text begins with would be taken for indentation.
            return (line.first == " " ? "\\" : "") + text.joined()
        }
        return "\"\\\n\(indentation)" + escaped.joined(separator: "\\n\\\n\(indentation)") + "\"\n"
    }

    /// A relationship.
    package static func line(_ tuple: RelationTuple) -> String {
        let text = tuple.description
        guard text.unicodeScalars.contains(where: \.isForbiddenInYAML) else { return "\(indentation)\(text)\n" }
        // What YAML cannot hold stands in strings of JSON only: in ids in quotes, which have none left, and in contexts.
        let escaped = text.unicodeScalars.map { $0.isForbiddenInYAML ? $0.jsonEscape : String($0) }
        return "\(indentation)\(escaped.joined())\n"
    }

    /// Everything after the last relationship.
    package static func tail(isEmpty: Bool) -> String { (isEmpty ? "\n" : "") + "assertions: {}\n" }
}
