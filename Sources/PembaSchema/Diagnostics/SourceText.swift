// Pemba: the text of a schema, as bytes with lines.
// SPDX-License-Identifier: Apache-2.0

/// The text of a schema.
///
/// Offsets count bytes of UTF-8; lines end with a line feed.
struct SourceText: Sendable {
    /// The most scalars of a line that an excerpt shows.
    static let excerptScalarsMax = 160

    /// The text as written.
    let source: String
    /// The same as bytes.
    let bytes: [UInt8]

    init(_ source: String) {
        self.source = source
        bytes = Array(source.utf8)
    }

    /// The text of a stretch that begins and ends between scalars.
    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// A stretch without the spaces and line ends at its start and end.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, SourceText.isSpace(bytes[start]) { start += 1 }
        while start < end, SourceText.isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): true
        default: false
        }
    }

    /// A stretch as a message shows it: on one line, and not long.
    func quoted(_ range: Range<Int>) -> String {
        let shownMax = 48
        var end = min(range.upperBound, range.lowerBound + shownMax)
        while end < range.upperBound, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        var shown = ""
        for scalar in string(range.lowerBound..<end).unicodeScalars {
            if scalar.value >= 0x20, scalar.value < 0x7F {
                shown.unicodeScalars.append(scalar)
            } else if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
                shown += "U+" + String(scalar.value, radix: 16, uppercase: true)
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return "`\(shown)\(end < range.upperBound ? "…" : "")`"
    }
}

/// Finds lines and columns of a text; made when there is something to report.
struct SourceLines {
    private let text: SourceText
    /// Where each line begins; ascending, the first is 0.
    private let starts: [Int]

    init(of text: SourceText) {
        self.text = text
        var starts = [0]
        for (offset, byte) in text.bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
        self.starts = starts
    }

    func range(_ range: Range<Int>) -> SourceRange {
        SourceRange(start: position(range.lowerBound), end: position(range.upperBound))
    }

    private func position(_ offset: Int) -> SourcePosition {
        let line = lineIndex(at: offset)
        return SourcePosition(offset: offset, line: line + 1, column: scalars(starts[line]..<offset) + 1)
    }

    /// The line at which `range` begins, with the part of `range` that lies on it marked.
    func excerpt(_ range: Range<Int>) -> SourceExcerpt {
        let line = lineIndex(at: range.lowerBound)
        var end = line + 1 < starts.count ? starts[line + 1] - 1 : text.bytes.count
        if end > starts[line], text.bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let start = min(range.lowerBound, end)
        let before = scalars(starts[line]..<start)
        let marked = scalars(start..<max(start, min(range.upperBound, end)))
        let all = Array(text.string(starts[line]..<end).unicodeScalars)
        var shown = String.UnicodeScalarView()
        var cutBefore = 0
        if all.count > SourceText.excerptScalarsMax {
            cutBefore = max(0, min(before - SourceText.excerptScalarsMax / 2, all.count - SourceText.excerptScalarsMax))
            if cutBefore > 0 { shown.append("…") }
            shown.append(contentsOf: all[cutBefore..<(cutBefore + SourceText.excerptScalarsMax)])
            if cutBefore + SourceText.excerptScalarsMax < all.count { shown.append("…") }
        } else {
            shown.append(contentsOf: all)
        }
        let markStart = before - cutBefore + (cutBefore > 0 ? 1 : 0)
        let room = max(1, shown.count - markStart)
        return SourceExcerpt(text: String(shown), markStart: markStart, markCount: min(max(marked, 1), room))
    }

    private func lineIndex(at offset: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// How many scalars begin in a stretch: every byte that continues none.
    private func scalars(_ range: Range<Int>) -> Int {
        var count = 0
        for byte in text.bytes[range] where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }
}
