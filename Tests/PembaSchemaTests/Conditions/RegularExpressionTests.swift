// Pemba: regular expressions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaSchema

struct RegularExpressionTests {
    @Test(
        arguments: [
            ("", "", true), ("", "x", true), ("b", "abc", true), ("^b", "abc", false), ("^a.c$", "abc", true),
            ("a.c", "a\nc", false),
            ("(?s)a.c", "a\nc", true), ("a|b|", "x", true), ("^(a|b)$", "b", true), ("^(ab|a)(bc|c)$", "abc", true),
            ("^a*$", "aaa", true), ("^a+$", "", false), ("^a?b$", "b", true), ("^a{2}$", "aa", true),
            ("^a{2}$", "aaa", false),
            ("^a{2,}$", "aaaa", true), ("^a{1,3}$", "aaaa", false), ("^a{0}b$", "b", true), ("^a{,2}$", "a{,2}", true),
            ("^a{$", "a{", true), ("^a*?b+?$", "aabb", true), ("^(a*)*$", "aaa", true), ("^(a*)+b$", "aaac", false),
            ("^[abc]+$", "cab", true), ("^[^abc]+$", "xay", false), ("^[a-c]$", "b", true), ("^[]a]+$", "]a", true),
            ("^[a-]+$", "-a", true), (#"^[\]\-\\]+$"#, #"-]\"#, true), (#"^[\d_]+$"#, "4_2", true),
            (#"^[^\d]+$"#, "a4", false),
            ("^[[:alpha:]]+$", "aZ", true), ("^[[:^digit:]x]+$", "abc", true), ("^[[:punct:]]$", "!", true),
            (#"^\d+$"#, "42", true),
            (#"^\D+$"#, "4", false), (#"^\w+$"#, "a_1", true), (#"\W"#, "a_1", false),
            (#"^\s+$"#, " \t\n\r\u{C}", true),
            (#"\s"#, "\u{B}", false), (#"^\S$"#, "x", true), (#"\bfoo\b"#, "a foo b", true),
            (#"\bfoo\b"#, "afoo", false),
            (#"\Boo"#, "foo", true), (#"\Afoo\z"#, "foo", true), ("(?m)^b$", "a\nb\nc", true),
            ("^b$", "a\nb\nc", false),
            ("(?i)straße", "STRAßE", true), ("(?i)é", "É", true), ("(?i)[a-c]+$", "xABC", true),
            ("(?i)^[^a]$", "A", false),
            ("a(?i)b", "aB", true), ("a(?i)b", "AB", false), ("(?i:a)b", "AB", false), ("(?i:a)b", "Ab", true),
            ("(?i)a(?-i)b", "AB", false), ("((?i)a)b", "AB", false), ("(?U)a+", "a", true), ("(?P<name>a)", "a", true),
            ("(?<name>a)", "a", true), ("(?:a)", "a", true), (#"^\x41\x{1F600}\101\0$"#, "A😀A\u{0}", true),
            (#"^\.\*\[$"#, ".*[", true),
            (#"^\Qa.b\E.$"#, "a.bc", true), (#"\Qa.b"#, "axb", false),
            (#"^\a\f\t\n\r\v$"#, "\u{7}\u{C}\t\n\r\u{B}", true),
            ("^é$", "e\u{301}", false), ("^.$", "é", true), ("^..$", "e\u{301}", true), ("^.$", "👩‍💻", false),
            ("x*", "y", true),
            ("^(?:a|ab)(?:c|bcd)$", "abcd", true), ("^[😀-😎]$", "😃", true), ("$^", "", true), ("a$b", "ab", false),
        ] as [(String, String, Bool)]
    )
    func matches(pattern: String, text: String, isMatch: Bool) throws {
        #expect(try RegularExpression(pattern).occurs(in: text) == isMatch)
    }

    @Test(
        arguments: [
            "(", ")", "a)", "(a", "(?", "(?x)", "(?i", "(?P<)", "(?P<>a)", "(?=a)", "(?!a)", "(?<=a)", "[", "[a", "[]",
            "[^]",
            "[b-a]", #"[a-\d]"#, "[[:nope:]]", "*", "+a", "?", "a**", "a+*", "a{2}{3}", "a{2,1}", "a{1001}",
            "a{1,1001}",
            #"\"#,
            #"\1"#, #"\8"#, #"\q"#, #"\p{L}"#, #"\pN"#, #"\C"#, #"\xg"#, #"\x{110000}"#, #"\x{}"#, "(?i-)(", "a???",
        ] as [String]
    )
    func refuses(pattern: String) {
        let error = #expect(throws: RegularExpressionError.self, "\(pattern)") { try RegularExpression(pattern) }
        #expect(error?.reason.isEmpty == false)
    }

    @Test(arguments: [
        "(x{1000}){1000}", "((((){1000}){1000}){1000}){1000}", "(a|b|c){1000}{0}x",
        ".{1000}.{1000}.{1000}.{1000}.{1000}",
    ])
    func bigMachinesAreRefusedBeforeTheyAreMade(pattern: String) {
        #expect(throws: RegularExpressionError.self) { try RegularExpression(pattern) }
    }

    @Test func deepGroupsAreRefused() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "a" + String(repeating: ")", count: depth)
        }
        _ = try RegularExpression(nested(Limits.expressionDepth - 1))
        #expect(throws: RegularExpressionError.self) { try RegularExpression(nested(Limits.expressionDepth)) }
        #expect(throws: RegularExpressionError.self) { try RegularExpression(nested(50_000)) }
    }

    /// What makes a backtracking matcher take for ever is one pass here.
    @Test func noPatternIsSlow() throws {
        let text = String(repeating: "a", count: 20_000)
        for pattern in ["^(a+)+$x", "^(a|a)*b", "(a?){30}a{30}b", "^(a*)*b$"] {
            #expect(try !RegularExpression(pattern).occurs(in: text), "\(pattern)")
        }
    }

    @Test func readingNeverTraps() {
        let pieces = Array(#"ab.*+?|()[]{}^$\dwsbBAzQE:-,019xpPiUms<>=!é😀"#.unicodeScalars)
        for seed in Seeds(short: 4, full: 64) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<2_000 {
                var pattern = String.UnicodeScalarView()
                for _ in 0..<random.below(24) { pattern.append(pieces[random.below(pieces.count)]) }
                guard let machine = try? RegularExpression(String(pattern)) else { continue }
                _ = machine.occurs(in: "ab é😀 xyz\n019")
            }
        }
    }
}
