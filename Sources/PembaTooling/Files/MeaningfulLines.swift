// Pemba: the lines of a text that say something.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The lines of a text that say something: trimmed, numbered from 1, without blank lines and `//` comments.
package struct MeaningfulLines: Sequence, IteratorProtocol {
    /// One line.
    package struct Line {
        /// Its number in the text, from 1.
        package let number: Int
        /// What it says, without white space around it.
        package let text: String
    }

    private let bytes: [UInt8]
    private var position = 0
    private var number = 0

    package init(_ text: String) { self.init(utf8: Array(text.utf8)) }

    /// The lines of a text as its bytes.
    package init(utf8 bytes: [UInt8]) {
        self.bytes = bytes
        // A mark that some editors begin a file with is no part of its first line.
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    package mutating func next() -> Line? {
        nextLine { number, bytes in Line(number: number, text: String(decoding: bytes, as: UTF8.self)) }
    }

    /// What `body` makes of the next line's number and bytes; nil after the last.
    mutating func nextLine<Result>(
        _ body: (Int, UnsafeBufferPointer<UInt8>) throws -> Result
    ) rethrows -> Result? {
        while let range = nextRange() {
            guard !range.isEmpty else { continue }
            return try bytes.withUnsafeBufferPointer { try body(number, UnsafeBufferPointer(rebasing: $0[range])) }
        }
        return nil
    }

    /// Passes over a line; false if there is none.
    mutating func skip() -> Bool {
        while let range = nextRange() {
            if !range.isEmpty { return true }
        }
        return false
    }

    /// Where the next line of the text is without white space around it, empty if it says nothing; nil after the last.
    private mutating func nextRange() -> Range<Int>? {
        guard position < bytes.count else { return nil }
        let start = position
        return bytes.withUnsafeBytes { raw in
            let found = raw.baseAddress.flatMap { memchr($0 + start, 0x0A, raw.count - start) }
            let end = found.flatMap { end in raw.baseAddress.map { end - UnsafeMutableRawPointer(mutating: $0) } }
            position = end.map { $0 + 1 } ?? raw.count
            number += 1
            return MeaningfulLines.meaning(of: start..<(end ?? raw.count), in: raw)
        }
    }

    private static func meaning(of line: Range<Int>, in bytes: UnsafeRawBufferPointer) -> Range<Int> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var start = line.lowerBound
        var end = line.upperBound
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        let slash = UInt8(ascii: "/")
        let isComment = end - start >= 2 && bytes[start] == slash && bytes[start + 1] == slash
        return isComment ? start..<start : start..<end
    }
}
