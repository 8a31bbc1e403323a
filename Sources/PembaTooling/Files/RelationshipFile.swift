// Pemba: files of relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Relationship text, one tuple a line; blank lines and `//` comments are passed over.
package enum RelationshipFile {
    /// Reads every tuple of `text`; the error names `name`, the line and the rule.
    package static func parse(_ text: String, name: String) throws(ToolError) -> [RelationTuple] {
        var tuples: [RelationTuple] = []
        for line in MeaningfulLines(text) {
            do {
                tuples.append(try RelationTuple(parsing: line.text))
            } catch {
                throw ToolError("\(name):\(line.number): \(error)")
            }
        }
        return tuples
    }
}

/// The lines of a text that say something: trimmed, numbered from 1, without blank lines and `//` comments.
package struct MeaningfulLines: Sequence, IteratorProtocol {
    /// One line.
    package struct Line {
        /// Its number in the text, from 1.
        package let number: Int
        /// What it says, without white space around it.
        package let text: String
    }

    private var rest: Substring.UTF8View
    private var number = 0

    package init(_ text: String) { rest = Substring(text).utf8 }

    package mutating func next() -> Line? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            let line = MeaningfulLines.trimmed(rest[..<end])
            rest = end == rest.endIndex ? rest[end...] : rest[rest.index(after: end)...]
            number += 1
            if line.isEmpty || line.starts(with: "//".utf8) { continue }
            return Line(number: number, text: String(Substring(line)))
        }
        return nil
    }

    private static func trimmed(_ line: Substring.UTF8View) -> Substring.UTF8View {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        let start = line.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return start[start.endIndex...] }
        return start[...last]
    }
}
