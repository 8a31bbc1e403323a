// Pemba: files of relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Relationship text, one tuple a line; blank lines and `//` comments are passed over.
package enum RelationshipFile {
    /// Reads every tuple of `text`; the error names the file, the line and the rule.
    package static func parse(_ text: RelationshipText) throws(ToolError) -> [RelationTuple] {
        let reader = RelationshipReader(text)
        let tuples = Array(reader)
        if let error = reader.error { throw error }
        return tuples
    }

    /// The relationship text in a file: all of it, or of a validation file (`.yaml`, `.yml`) what its relationships say.
    package static func text(ofFile path: String) throws(ToolError) -> RelationshipText {
        guard path.hasSuffix(".yaml") || path.hasSuffix(".yml") else {
            return RelationshipText(utf8: try TextFile.readBytes(path), name: path)
        }
        return try ValidationFile(path: path).relationshipText
    }
}

/// Relationship text as bytes, and where it was read from, for messages.
package struct RelationshipText: Equatable, Sendable {
    /// The text.
    package let bytes: [UInt8]
    /// The file.
    package let name: String
    /// How many lines of the file come before the first of these.
    private let linesBefore: Int

    package init(utf8 bytes: [UInt8], name: String, linesBefore: Int = 0) {
        self.bytes = bytes
        self.name = name
        self.linesBefore = linesBefore
    }

    /// Where a line of the text stands in its file.
    func place(ofLine number: Int) -> String { "\(name):\(linesBefore + number)" }

    /// Where the tuple stands that has `count` others before it, if every line is one; nil if there are fewer.
    package func place(ofTupleAfter count: Int) -> String? {
        var lines = MeaningfulLines(utf8: bytes)
        for _ in 0..<count where !lines.skip() { return nil }
        return lines.next().map { place(ofLine: $0.number) }
    }

    /// How many tuples it holds if every line is one.
    package var tupleCount: Int {
        var lines = MeaningfulLines(utf8: bytes)
        var count = 0
        while lines.skip() { count += 1 }
        return count
    }
}

/// The tuples of relationship text, read as they are wanted: a file of millions is never there as tuples as a whole.
///
/// Stops at the first line that is none; `error` then says what is wrong with it.
package final class RelationshipReader: Sequence, IteratorProtocol {
    private let source: RelationshipText
    private var lines: MeaningfulLines

    /// What is wrong with the line at which it stopped.
    package private(set) var error: ToolError?

    package init(_ source: RelationshipText) {
        self.source = source
        lines = MeaningfulLines(utf8: source.bytes)
    }

    package func next() -> RelationTuple? {
        guard error == nil else { return nil }
        return lines.nextLine { number, text in
            do {
                return try RelationTuple(parsing: text)
            } catch {
                self.error = ToolError("\(source.place(ofLine: number)): \(error)")
                return nil
            }
        } ?? nil
    }

    /// Passes over `count` tuples without reading them, and returns the text of the last; nil if there are fewer.
    package func skip(_ count: Int) -> String? {
        for _ in 1..<Swift.max(count, 1) where !lines.skip() { return nil }
        return lines.next()?.text
    }
}
