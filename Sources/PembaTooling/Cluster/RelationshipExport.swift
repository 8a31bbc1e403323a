// Pemba: exporting relationships to files.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
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
        case .text: try RelationshipFile.line(for: tuple) + "\n"
        case .validation: ValidationText.line(try RelationshipFile.line(for: tuple))
        case .json: try JSONText.line(TupleReport(tuple))
        }
    }
}

/// The parts of a validation file.
enum ValidationText {
    private static let indentation = "  "

    /// Everything before the first relationship.
    static func head(schema: String) -> String {
        let lines = schema.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "\n" : "\(indentation)\($0)\n" }
        return "schema: |2-\n\(lines.joined())relationships: |2-\n"
    }

    /// A relationship.
    static func line(_ text: String) -> String { "\(indentation)\(text)\n" }

    /// Everything after the last relationship.
    static func tail(isEmpty: Bool) -> String { (isEmpty ? "\n" : "") + "assertions: {}\n" }
}
