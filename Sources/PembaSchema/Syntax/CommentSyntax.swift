// Pemba: comments, and what they say about the declaration behind them.
// SPDX-License-Identifier: Apache-2.0

/// A comment, `// …` or `/* … */`.
struct CommentSyntax {
    let range: Range<Int>
    /// Whether only spaces and comments stand before it on its line: otherwise it is about what stands there.
    let startsLine: Bool
}

extension SourceText {
    /// What begins a comment that silences a warning, after the slashes: SpiceDB's.
    private static let silencer = "spicedb-ignore-warning:"

    /// What comments say, without their marks and without what silences warnings; nil if that is nothing.
    func documentation(_ comments: [CommentSyntax]) -> String? {
        guard !comments.isEmpty else { return nil }
        var lines = comments.flatMap { self.lines(of: $0) }.filter { !$0.hasPrefix(SourceText.silencer) }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    /// The warnings that comments silence: `// spicedb-ignore-warning: name`.
    func silenced(_ comments: [CommentSyntax]) -> Set<DiagnosticCode> {
        var codes: Set<DiagnosticCode> = []
        for line in comments.lazy.flatMap({ self.lines(of: $0) }) where line.hasPrefix(SourceText.silencer) {
            let name = line.dropFirst(SourceText.silencer.count).drop { $0 == " " }
            if let code = DiagnosticCode(rawValue: String(name)) { codes.insert(code) }
        }
        return codes
    }

    /// The lines of a comment without its marks and without the space around them.
    private func lines(of comment: CommentSyntax) -> [String] {
        let isBlock = bytes[comment.range.lowerBound + 1] == UInt8(ascii: "*")
        // Of the stars that begin the lines of a block, as of a third slash, all belong to the mark.
        let mark = isBlock ? UInt8(ascii: "*") : UInt8(ascii: "/")
        let inner = (comment.range.lowerBound + 2)..<(comment.range.upperBound - (isBlock ? 2 : 0))
        let lines = bytes[inner].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.map { (line: ArraySlice<UInt8>) -> String in
            let start = trimmed(line.startIndex..<line.endIndex)
            let text = bytes[start].drop { $0 == mark }
            return string(trimmed(text.startIndex..<text.endIndex))
        }
    }
}
