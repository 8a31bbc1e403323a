// Pemba: regular expressions in linear time.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A regular expression that has been made a machine: RE2's syntax without what asks for captures.
///
/// The machine is in many states at once (Thompson, "Regular expression search algorithm", 1968), so that no pattern is
/// slow on any text: a search takes at most `size` steps for each character.
struct RegularExpression: Sendable {
    /// One step of the machine; states are numbers of instructions.
    enum Instruction: Sendable {
        /// Takes one character of a class.
        case character(CharacterClass)
        /// Goes on at another place.
        case jump(Int)
        /// Goes on at two places.
        case split(Int, Int)
        /// Goes on if the position between two characters is one of these.
        case position(Position)
        case match
    }

    /// A place between two characters.
    enum Position: Sendable {
        case textStart
        case textEnd
        case lineStart
        case lineEnd
        case wordBoundary
        case noWordBoundary
    }

    /// The most instructions that the constant patterns of one condition have together.
    static let instructionsPerCondition = 4 * Limits.regexInstructions

    private let instructions: [Instruction]

    /// How many instructions it has: the steps that each character may take.
    var size: Int { instructions.count }

    /// Reads a pattern.
    init(_ pattern: String) throws(RegularExpressionError) {
        var parser = RegexParser(pattern)
        let syntax = try parser.parse()
        var builder = RegexBuilder(pattern: pattern)
        instructions = try builder.build(syntax)
    }

    /// Whether it matches some part of the text.
    func occurs(in text: String) -> Bool {
        var current = States(count: instructions.count)
        var next = States(count: instructions.count)
        var stack: [Int] = []
        var before: Unicode.Scalar?
        var scalars = text.unicodeScalars.makeIterator()
        var after = scalars.next()
        while true {
            // A match may begin at every place.
            if add(0, to: &current, stack: &stack, before: before, after: after) { return true }
            guard let scalar = after else { return false }
            before = scalar
            after = scalars.next()
            next.removeAll()
            for state in current.members {
                guard case .character(let characters) = instructions[state], characters.contains(scalar) else {
                    continue
                }
                if add(state + 1, to: &next, stack: &stack, before: before, after: after) { return true }
            }
            swap(&current, &next)
        }
    }

    /// Adds a state and all that are reached from it without a character; true if one of them is a match.
    private func add(
        _ state: Int,
        to states: inout States,
        stack: inout [Int],
        before: Unicode.Scalar?,
        after: Unicode.Scalar?
    ) -> Bool {
        stack.append(state)
        while let state = stack.popLast() {
            guard states.insert(state) else { continue }
            switch instructions[state] {
            case .character: break
            case .jump(let target): stack.append(target)
            case .split(let first, let second):
                stack.append(second)
                stack.append(first)
            case .position(let position):
                if position.holds(before: before, after: after) { stack.append(state + 1) }
            case .match:
                stack.removeAll()
                return true
            }
        }
        return false
    }

    /// A set of states that is emptied in constant time (Briggs and Torczon, 1993).
    private struct States {
        private var all: [Int]
        private var places: [Int]
        private var count = 0

        init(count: Int) {
            all = [Int](repeating: 0, count: count)
            places = all
        }

        var members: ArraySlice<Int> { all[..<count] }

        /// Adds a state; false if it is there.
        mutating func insert(_ state: Int) -> Bool {
            let place = places[state]
            if place < count, all[place] == state { return false }
            places[state] = count
            all[count] = state
            count += 1
            return true
        }

        mutating func removeAll() { count = 0 }
    }
}

extension RegularExpression.Position {
    fileprivate func holds(before: Unicode.Scalar?, after: Unicode.Scalar?) -> Bool {
        switch self {
        case .textStart: before == nil
        case .textEnd: after == nil
        case .lineStart: before == nil || before == "\n"
        case .lineEnd: after == nil || after == "\n"
        case .wordBoundary: isWord(before) != isWord(after)
        case .noWordBoundary: isWord(before) == isWord(after)
        }
    }

    private func isWord(_ scalar: Unicode.Scalar?) -> Bool { scalar.map(CharacterClass.word.contains) ?? false }
}

/// Why a text is no regular expression.
struct RegularExpressionError: Error, Sendable, Equatable {
    /// The pattern.
    let pattern: String
    /// The rule that it breaks, or what it asks for and cannot have.
    let reason: String
    /// Whether it is a part of the syntax that this version does not have.
    var isUnsupported = false

    /// For people.
    var description: String { "`\(ConditionValue.string(pattern).shown)` is no regular expression: \(reason)" }
}
