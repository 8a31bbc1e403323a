// Pemba: random conditions and random contexts.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaSchema

struct ConditionFuzzTests {
    private static let declared =
        "a bool, b bool, i int, j int, s string, t string, l list<int>, m map<any>, d any, p ipaddress, w timestamp, v duration"

    private static let bodies = [
        "a || b && i < j", "i + 2 * j == 7 || 1 / i == j", "l.all(x, x > i) && !l.exists(y, y == j)",
        "m.k == 42 && has(m.x) || m['y'] < 5.0", "s.startsWith('ab') ? t.size() > 2 : s in ['x', t]",
        "p.in_cidr('10.0.0.0/8') && w + v > timestamp('2020-01-01T00:00:00Z')",
        "l.filter(x, x > 1).map(x, x + i) == [3, j]",
        "d == null || d.k[0] == 'x' || type(d) == int", "s.matches('^a+b$') || t.contains(s)",
        "{'q': i}.q == 0x10 && b'\\x00' == b''",
        "w.getHours('+02:00') > 3 || v < duration('1h') || -i == int('3')",
        "[i, j].exists_one(x, x == 1) && 1.5e3 > double(i)",
        "m.?k.orValue(42) == 42 && m[?'x'].?y.hasValue() || has(m.?x.y)",
        "[?l[?i], j].size() == 2 || {?'q': optional.of(i)}.?q == optional.none()",
        "l[?0].optMap(x, x + i).or(optional.ofNonZeroValue(j)).orValue(1) > optional.of(2).value()",
    ]

    private static let pieces = [
        "(", ")", "[", "]", "{", "}", "&&", "||", "!", "?", ":", "==", "<", ">=", "in", "+", "-", "*", "/", "%", ".",
        ",", "'", "\"",
        "'''", "\\", "r'", "b\"", "//", "\n", " ", "0x", "1e9", "9223372036854775808", "1u", ".5", "null", "true",
        "has(", ".all(x,",
        ".map(x,", "size(", "int(", "é", "\u{0}", "\u{1F469}\u{200D}\u{1F4BB}", "a", "i", "l", "m", "d", "matches",
        "timestamp('", ".?", "[?", "optional.of(", "optional.none()", ".or(", ".orValue(", ".optMap(x,", ".hasValue()",
        ".value()",
    ]

    @Test func nothingThatIsReadTraps() throws {
        let parameters = try parameters(ConditionFuzzTests.declared)
        for seed in Seeds(short: 6, full: 200) {
            var random = SeededRandom(seed: seed)
            let replay = Comment(rawValue: Seeds.replay(seed, "ConditionFuzzTests"))
            for _ in 0..<400 {
                let body = ConditionFuzzTests.mutated(&random)
                switch ConditionCompiler.compile(body, parameters: parameters) {
                case .failure(let problems):
                    let size = body.utf8.count
                    #expect(problems.all.allSatisfy { $0.range.upperBound <= size && !$0.message.isEmpty }, replay)
                case .success(let condition):
                    for _ in 0..<4 { _ = word(condition, stored: nil, request: try arguments(&random, parameters)) }
                }
                // Most mutated texts do not use every parameter; without parameters the rest is evaluated as well.
                if case .success(let condition) = ConditionCompiler.compile(body, parameters: []) {
                    _ = word(condition, stored: nil, request: nil)
                }
            }
        }
    }

    @Test func randomBytesAreRead() {
        for seed in Seeds(short: 4, full: 64) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<2_000 {
                let bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                _ = ConditionCompiler.compile(String(decoding: bytes, as: UTF8.self), parameters: [])
            }
        }
    }

    private static func mutated(_ random: inout SeededRandom) -> String {
        var scalars = Array(bodies[random.below(bodies.count)].unicodeScalars)
        for _ in 0..<random.below(6) {
            let start = random.below(scalars.count + 1)
            let end = min(scalars.count, start + random.below(8))
            switch random.below(4) {
            case 0: scalars.removeSubrange(start..<end)
            case 1: scalars.insert(contentsOf: pieces[random.below(pieces.count)].unicodeScalars, at: start)
            case 2: scalars.replaceSubrange(start..<end, with: pieces[random.below(pieces.count)].unicodeScalars)
            default: scalars.insert(contentsOf: scalars[start..<end], at: random.below(scalars.count + 1))
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    // MARK: Soundness

    /// Whatever is said about some arguments holds for every way to complete them: only `unknown` may become something
    /// else, and what is missing is what is named.
    @Test func outcomesAreThoseOfEveryCompletion() throws {
        let parameters = try parameters(ConditionFuzzTests.declared)
        var decidedEarly = 0
        for seed in Seeds(short: 20, full: 1_000) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<60 {
                var writer = ConditionWriter(random: random.split())
                let padding =
                    "(a || b || i == j || s == t || l == [] || m == {} || d == 1 || p == p || w == w || v == v || true)"
                let body = "(\(writer.boolean(4))) && \(padding)"
                let condition = try condition(body, parameters)
                let partial = try arguments(&random, parameters)
                let outcome = word(condition, stored: nil, request: partial)
                let replay = Comment(rawValue: "\(body): \(outcome); \(Seeds.replay(seed, "ConditionFuzzTests"))")
                for _ in 0..<8 {
                    let rest = try arguments(&random, parameters, isComplete: true)
                    let completed = word(condition, stored: partial, request: rest)
                    #expect(!completed.hasPrefix("unknown"), replay)
                    if outcome.hasPrefix("unknown") { continue }
                    #expect(completed == outcome, replay)
                    decidedEarly += 1
                }
                for name in outcome.split(separator: " ").dropFirst() where outcome.hasPrefix("unknown") {
                    let number = parameters.firstIndex { $0.name == name }
                    #expect(number.map { partial.values[$0] == nil } == true, replay)
                }
            }
        }
        #expect(decidedEarly > 100)
    }

    /// Random arguments, some of which are missing unless all are asked for.
    private func arguments(
        _ random: inout SeededRandom,
        _ parameters: [ConditionParameter],
        isComplete: Bool = false
    ) throws -> ConditionArguments {
        let choices: [String: [String]] = [
            "a": ["true", "false"], "b": ["true", "false"], "i": ["0", "1", "3", "9223372036854775807"],
            "j": ["0", "1", "-2"],
            "s": [#""""#, #""ab""#, #""aab""#], "t": [#""ab""#, #""é""#], "l": ["[]", "[1]", "[0,3,1]"],
            "m": ["{}", #"{"k":42}"#, #"{"k":"x","x":{"k":1}}"#], "d": ["null", "1", "[1]", #"{"k":["x"]}"#, "true"],
            "p": [#""10.1.2.3""#, #""::1""#], "w": [#""2020-06-01T12:30:00Z""#, #""1999-01-01T00:00:00Z""#],
            "v": [#""1h""#, #""-30m""#],
        ]
        var members: [String] = []
        for parameter in parameters where isComplete || random.chance(1, in: 2) {
            let values = try #require(choices[parameter.name])
            members.append("\"\(parameter.name)\":\(values[random.below(values.count)])")
        }
        let context = try ContextObject(parsing: "{" + members.joined(separator: ",") + "}")
        return try ConditionArguments.convert(context, parameters: parameters, unknownKeys: .refuse)
    }
}

/// Writes random conditions that are right.
private struct ConditionWriter {
    var random: SeededRandom

    private mutating func pick(_ choices: [String]) -> String { choices[random.below(choices.count)] }

    mutating func boolean(_ depth: Int) -> String {
        guard depth > 0 else { return pick(["a", "b", "true", "false", "i < j", "s == t", "p.in_cidr('10.0.0.0/8')"]) }
        switch random.below(15) {
        case 0, 1: return "(\(boolean(depth - 1)) && \(boolean(depth - 1)))"
        case 2, 3: return "(\(boolean(depth - 1)) || \(boolean(depth - 1)))"
        case 4: return "!(\(boolean(depth - 1)))"
        case 5: return "(\(boolean(depth - 1)) ? \(boolean(depth - 1)) : \(boolean(depth - 1)))"
        case 6: return "(\(integer(depth - 1)) \(pick(["<", "<=", "==", "!=", ">"])) \(integer(depth - 1)))"
        case 7: return "\(list(depth - 1)).\(pick(["all", "exists", "exists_one"]))(x, x > \(integer(depth - 1)))"
        case 8: return "(\(integer(depth - 1)) in \(list(depth - 1)))"
        case 9:
            return
                "(\(pick(["m.k", "m.x.k", "d", "d.k", "m['k']"])) \(pick(["==", "!="])) \(pick(["42", "'x'", "null"])))"
        case 10: return "has(\(pick(["m.k", "m.x", "m.x.k", "d.k"])))"
        case 11: return "\(pick(["s", "t"])).\(pick(["contains", "startsWith", "matches"]))(\(pick(["s", "t", "'a'"])))"
        case 12: return "\(optional(depth - 1)).hasValue()"
        case 13: return "(\(optional(depth - 1)) \(pick(["==", "!="])) \(optional(depth - 1)))"
        default: return "(w + v > timestamp('2020-01-01T00:00:00Z') || w.getHours() == \(integer(depth - 1)))"
        }
    }

    private mutating func integer(_ depth: Int) -> String {
        guard depth > 0 else { return pick(["i", "j", "1", "0", "-2", "s.size()", "l.size()"]) }
        switch random.below(6) {
        case 0, 1: return "(\(integer(depth - 1)) \(pick(["+", "-", "*", "/", "%"])) \(integer(depth - 1)))"
        case 2: return "(\(boolean(depth - 1)) ? \(integer(depth - 1)) : \(integer(depth - 1)))"
        case 3: return "\(optional(depth - 1)).orValue(\(integer(depth - 1)))"
        case 4: return "\(optional(depth - 1)).value()"
        default: return "\(list(depth - 1))[\(integer(depth - 1))]"
        }
    }

    private mutating func list(_ depth: Int) -> String {
        guard depth > 0 else { return pick(["l", "[1, 2]", "[i, j]"]) }
        switch random.below(5) {
        case 0: return "[\(integer(depth - 1)), \(integer(depth - 1))]"
        case 1: return "\(list(depth - 1)).filter(x, x > \(integer(depth - 1)))"
        case 2: return "\(list(depth - 1)).map(x, x + \(integer(depth - 1)))"
        case 3: return "[?\(optional(depth - 1)), \(integer(depth - 1))]"
        default: return "(\(list(depth - 1)) + \(list(depth - 1)))"
        }
    }

    /// An integer that may be absent.
    private mutating func optional(_ depth: Int) -> String {
        guard depth > 0 else {
            return pick(["l[?i]", "l[?0]", "optional.of(i)", "optional.ofNonZeroValue(j)", "optional.none()"])
        }
        switch random.below(6) {
        case 0: return "\(optional(depth - 1)).or(\(optional(depth - 1)))"
        case 1: return "\(optional(depth - 1)).optMap(y, y + \(integer(depth - 1)))"
        case 2: return "(\(boolean(depth - 1)) ? \(optional(depth - 1)) : \(optional(depth - 1)))"
        case 3: return "\(list(depth - 1))[?\(integer(depth - 1))]"
        case 4: return "{?'k': \(optional(depth - 1))}.?k"
        default: return "optional.of({'k': \(integer(depth - 1))}).k"
        }
    }
}
