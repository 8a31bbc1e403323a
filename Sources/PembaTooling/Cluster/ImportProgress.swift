// Pemba: how far an import has come, in a file.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient

/// How far an import of a file has come: enough to go on after a break, with a look that the file is the same.
package struct ImportProgress: Codable, Equatable {
    /// How many relationships, from the first on, are imported.
    package var relationships: Int
    /// The text of the last of them.
    package var last: String
    /// How many of them were not there before.
    package var created: UInt64
    /// How many were.
    package var existing: UInt64

    package init(relationships: Int, last: String, created: UInt64, existing: UInt64) {
        self.relationships = relationships
        self.last = last
        self.created = created
        self.existing = existing
    }

    /// What the file at `path` says; nil if there is none.
    package static func read(_ path: String) throws(ToolError) -> ImportProgress? {
        guard TextFile.exists(path) else { return nil }
        let text = try TextFile.read(path)
        do {
            return try JSONDecoder().decode(ImportProgress.self, from: Data(text.utf8))
        } catch {
            throw ToolError("\(path) does not hold the progress of an import: \(error.localizedDescription)")
        }
    }

    /// Replaces the file at `path`.
    package func write(to path: String) throws(ToolError) {
        let text: String
        do {
            text = try JSONText.encode(self)
        } catch {
            throw ToolError("the progress could not be written to \(path): \(error)")
        }
        try TextFile.write(text, to: path)
    }

    /// Passes over in `reader` what is imported; the error says that the file is another one.
    package func skip(in reader: RelationshipReader, file: String) throws(ToolError) {
        guard relationships > 0 else { return }
        guard reader.skip(relationships) == last else {
            throw ToolError(
                "\(file) is not the file whose import broke off: its relationship \(relationships) is not `\(last)`"
            )
        }
    }
}
