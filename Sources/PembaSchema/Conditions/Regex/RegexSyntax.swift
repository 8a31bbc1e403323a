// Pemba: the syntax of regular expressions, and the machine that it becomes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A regular expression as a tree.
///
/// Groups and laziness leave nothing behind: only whether it matches is asked.
indirect enum RegexSyntax {
    case characters(CharacterClass)
    case position(RegularExpression.Position)
    case sequence([RegexSyntax])
    case alternatives([RegexSyntax])
    /// At least `min` times, and at most `max` times if there is one.
    case repeated(RegexSyntax, min: Int, max: Int?)
}

/// Makes the instructions of a machine.
struct RegexBuilder {
    let pattern: String
    private var instructions: [RegularExpression.Instruction] = []
    /// Parts that were built; parts that become no instruction count as well when they are repeated.
    private var built = 0

    init(pattern: String) { self.pattern = pattern }

    mutating func build(
        _ syntax: RegexSyntax
    ) throws(RegularExpressionError) -> [RegularExpression.Instruction] {
        try add(syntax)
        instructions.append(.match)
        return instructions
    }

    /// Recursion follows the syntax, whose depth the parser bounds.
    private mutating func add(_ syntax: RegexSyntax) throws(RegularExpressionError) {
        built += 1
        guard built <= 4 * Limits.regexInstructions, instructions.count < Limits.regexInstructions else {
            throw RegularExpressionError(
                pattern: pattern,
                reason: "it has more than \(Limits.regexInstructions) instructions; repeat less"
            )
        }
        switch syntax {
        case .characters(let characters): instructions.append(.character(characters))
        case .position(let position): instructions.append(.position(position))
        case .sequence(let parts): for part in parts { try add(part) }
        case .alternatives(let parts): try addAlternatives(parts[...])
        case .repeated(let part, let min, let max):
            for _ in 0..<min { try add(part) }
            if let max { try addOptional(part, times: max - min) } else { try addLoop(part) }
        }
    }

    /// Each alternative but the last is entered by a split and left by a jump to the end.
    private mutating func addAlternatives(_ parts: ArraySlice<RegexSyntax>) throws(RegularExpressionError) {
        var exits: [Int] = []
        for part in parts.dropLast() {
            let split = reserve()
            try add(part)
            exits.append(reserve())
            instructions[split] = .split(split + 1, instructions.count)
        }
        if let last = parts.last { try add(last) }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
    }

    private mutating func addLoop(_ part: RegexSyntax) throws(RegularExpressionError) {
        let split = reserve()
        try add(part)
        instructions.append(.jump(split))
        instructions[split] = .split(split + 1, instructions.count)
    }

    /// Up to so many times: each may be the last.
    private mutating func addOptional(_ part: RegexSyntax, times: Int) throws(RegularExpressionError) {
        var splits: [Int] = []
        for _ in 0..<times {
            splits.append(reserve())
            try add(part)
        }
        for split in splits { instructions[split] = .split(split + 1, instructions.count) }
    }

    /// An instruction that is put in later.
    private mutating func reserve() -> Int {
        instructions.append(.match)
        return instructions.count - 1
    }
}
