// Pemba: diagnostics as text, in the manner of compilers.
// SPDX-License-Identifier: Apache-2.0

extension Diagnostic {
    /// The diagnostic with its source line, the place marked with carets, and the hint; ends with a line feed.
    ///
    /// `file` is the name for what bears none.
    package func rendered(file: String) -> String {
        var text = "\(self.file ?? file):\(range.start.line):\(range.start.column): \(severity.rawValue): \(message)"
        text += " [\(code.rawValue)]\n"
        text += excerpt.rendered(line: range.start.line)
        for note in notes {
            text += "\(note.file ?? file):\(note.range.start.line):\(note.range.start.column): note: \(note.message)\n"
            text += note.excerpt.rendered(line: note.range.start.line)
        }
        if let hint { text += "hint: \(hint)\n" }
        return text
    }
}

extension SourceExcerpt {
    /// The line behind its number, and a line of carets under it.
    fileprivate func rendered(line: Int) -> String {
        let number = String(line)
        let gutter = String(repeating: " ", count: number.utf8.count)
        // A tab before the place stays a tab, so that the carets stand right at any tab width.
        let padding = text.unicodeScalars.prefix(markStart).map { $0 == "\t" ? "\t" : " " }.joined()
        let carets = String(repeating: "^", count: markCount)
        return " \(number) | \(text)\n \(gutter) | \(padding)\(carets)\n"
    }
}
