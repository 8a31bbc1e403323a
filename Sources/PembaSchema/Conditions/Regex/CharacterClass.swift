// Pemba: sets of characters in regular expressions.
// SPDX-License-Identifier: Apache-2.0

/// A set of Unicode scalars, as ranges.
struct CharacterClass: Sendable {
    /// Ranges in order, which neither overlap nor touch.
    let ranges: [ClosedRange<UInt32>]
    /// Whether letters of the other case belong to it as well.
    private(set) var ignoresCase = false
    /// Whether it is everything else: decided after letters of the other case, so that `(?i)[^a]` has no `A`.
    private(set) var isNegated = false

    private static let last: UInt32 = 0x10_FFFF

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let previous = merged.last, range.lowerBound <= previous.upperBound + 1 {
                merged[merged.count - 1] = previous.lowerBound...max(previous.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    /// One character.
    init(_ scalar: Unicode.Scalar) { self.init([scalar.value...scalar.value]) }

    static let any = CharacterClass([0...last])
    static let notLineFeed = CharacterClass([0...9, 11...last])
    static let digit = CharacterClass([range("0", "9")])
    static let word = CharacterClass([range("0", "9"), range("A", "Z"), range("_", "_"), range("a", "z")])
    /// As RE2 has it: no vertical tab.
    static let space = CharacterClass([9...10, 12...13, 32...32])

    private static func range(_ first: Unicode.Scalar, _ last: Unicode.Scalar) -> ClosedRange<UInt32> {
        first.value...last.value
    }

    /// The class that `[[:name:]]` stands for; nil for an unknown name.
    static func posix(_ name: String) -> CharacterClass? {
        switch name {
        case "alnum": CharacterClass([range("0", "9"), range("A", "Z"), range("a", "z")])
        case "alpha": CharacterClass([range("A", "Z"), range("a", "z")])
        case "ascii": CharacterClass([0...0x7F])
        case "blank": CharacterClass([9...9, 32...32])
        case "cntrl": CharacterClass([0...0x1F, 0x7F...0x7F])
        case "digit": digit
        case "graph": CharacterClass([range("!", "~")])
        case "lower": CharacterClass([range("a", "z")])
        case "print": CharacterClass([range(" ", "~")])
        case "punct": CharacterClass([range("!", "/"), range(":", "@"), range("[", "`"), range("{", "~")])
        case "space": CharacterClass([9...13, 32...32])
        case "upper": CharacterClass([range("A", "Z")])
        case "word": word
        case "xdigit": CharacterClass([range("0", "9"), range("A", "F"), range("a", "f")])
        default: nil
        }
    }

    /// Every other character.
    var inverted: CharacterClass {
        var others: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if next < range.lowerBound { others.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= CharacterClass.last { others.append(next...CharacterClass.last) }
        return CharacterClass(others)
    }

    /// Everything that does not belong to it, with the letters of the other case.
    var negated: CharacterClass {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }

    /// The same, with the letters of the other case.
    var ignoringCase: CharacterClass {
        var copy = self
        copy.ignoresCase = true
        return copy
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let isThere =
            holds(scalar.value) || ignoresCase && CharacterClass.otherCases(of: scalar).contains(where: holds)
        return isThere != isNegated
    }

    private func holds(_ value: UInt32) -> Bool {
        if ranges.count == 1 { return ranges[0].contains(value) }
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(value)
    }

    /// The letters that differ from one in nothing but case, where those are single characters.
    private static func otherCases(of scalar: Unicode.Scalar) -> [UInt32] {
        if scalar.isASCII {
            let isLetter = (scalar.value | 0x20) >= 0x61 && (scalar.value | 0x20) <= 0x7A
            return isLetter ? [scalar.value ^ 0x20] : []
        }
        return [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping].compactMap { mapping in
            mapping.unicodeScalars.count == 1 ? mapping.unicodeScalars.first?.value : nil
        }
    }
}
