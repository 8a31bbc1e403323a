// Pemba: files of relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Relationship text, one tuple a line; blank lines and `//` comments are passed over.
package enum RelationshipFile {
    /// Reads every tuple of `text`; the error names `name`, the line and the rule.
    package static func parse(_ text: String, name: String) throws(ToolError) -> [RelationTuple] {
        let reader = RelationshipReader(utf8: Array(text.utf8), name: name)
        let tuples = Array(reader)
        if let error = reader.error { throw error }
        return tuples
    }

    /// The relationship text in a file: all of it, or of a validation file (`.yaml`, `.yml`) what its relationships say.
    package static func bytes(ofFile path: String) throws(ToolError) -> [UInt8] {
        guard path.hasSuffix(".yaml") || path.hasSuffix(".yml") else { return try TextFile.readBytes(path) }
        var text = ""
        for tuple in try ValidationFile(path: path).relationships { text += try line(for: tuple) + "\n" }
        return Array(text.utf8)
    }

    /// The line for `tuple`.
    ///
    /// - Throws: ``ToolError`` if its ids hold what marks the parts of a line, so that nobody could read it back.
    package static func line(for tuple: RelationTuple) throws(ToolError) -> String {
        let ids = (tuple.resource.id.utf8, tuple.subject.object.id.utf8)
        let hash = UInt8(ascii: "#")
        let isReadable =
            !ids.0.contains(hash) && !ids.1.contains { $0 == hash || $0 == UInt8(ascii: "[") }
            // The space at the end of a line is no part of what it says.
            && (tuple.subject.relation != nil || !tuple.isPlain || ids.1.last != UInt8(ascii: " "))
        guard isReadable else {
            throw ToolError(
                "`\(tuple)` cannot be written as a line of text: an id holds `#`, `[` or a space at its end; use --json, "
                    + "or of an export --format json"
            )
        }
        return tuple.description
    }
}

/// The tuples of relationship text, read as they are wanted: a file of millions is never there as tuples as a whole.
///
/// Stops at the first line that is none; `error` then says what is wrong with it.
package final class RelationshipReader: Sequence, IteratorProtocol {
    private var lines: MeaningfulLines
    private let name: String

    /// What is wrong with the line at which it stopped.
    package private(set) var error: ToolError?

    /// Reads `bytes`, which are the content of the file `name`.
    package init(utf8 bytes: [UInt8], name: String) {
        lines = MeaningfulLines(utf8: bytes)
        self.name = name
    }

    package func next() -> RelationTuple? {
        guard error == nil else { return nil }
        return lines.nextLine { number, text in
            do {
                return try RelationTuple(parsing: text)
            } catch {
                self.error = ToolError("\(name):\(number): \(error)")
                return nil
            }
        } ?? nil
    }

    /// Passes over `count` tuples without reading them, and returns the text of the last; nil if there are fewer.
    package func skip(_ count: Int) -> String? {
        for _ in 1..<Swift.max(count, 1) where !lines.skip() { return nil }
        return lines.next()?.text
    }

    /// How many tuples `bytes` holds if every line is one.
    package static func count(inUTF8 bytes: [UInt8]) -> Int {
        var lines = MeaningfulLines(utf8: bytes)
        var count = 0
        while lines.skip() { count += 1 }
        return count
    }
}
