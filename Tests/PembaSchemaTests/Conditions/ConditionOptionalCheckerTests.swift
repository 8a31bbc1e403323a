// Pemba: what is wrong with optional values of conditions, and what to write instead.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionOptionalCheckerTests {
    @Test(
        arguments: [
            (
                "m.?a", ["notBoolean 0..<4"],
                "a condition is true or false, and this is a value of type optional<bool>",
                "say what is meant where it is absent: add `.orValue(false)`"
            ),
            (
                "m[?'a'] || true", ["typeMismatch 0..<7"],
                "`||` takes true or false, and this is a value of type optional<bool>",
                "say what is meant where it is absent: add `.orValue(false)`"
            ),
            (
                "m.?a == true", ["typeMismatch 5..<7"], "`==` does not take (optional<bool>, bool)",
                "take the value out of the optional one, as in `a.?b.orValue(…)`"
            ),
            (
                "optional.of('x').startsWith('x') && m.a", ["typeMismatch 17..<27"],
                "`startsWith` does not take (optional<string>, string)",
                "take the value out of the optional one, as in `a.?b.orValue(…)`"
            ),
            (
                "optional.of([m]).all(x, true)", ["typeMismatch 17..<20"],
                "`all` goes through a list or a map, and this is a value of type optional<list<map<bool>>>",
                "take the value out of the optional one, as in `a.?b.orValue(…)`"
            ),
            (
                "m.a.hasValue()", ["typeMismatch 4..<12"], "`hasValue` does not take (bool)",
                "only optional values have it, such as `a.?b`, `a[?b]` and `optional.of(a)`"
            ),
            (
                "m.a.value()", ["typeMismatch 4..<9"], "`value` does not take (bool)",
                "only optional values have it, such as `a.?b`, `a[?b]` and `optional.of(a)`"
            ),
            (
                "m.a.orValue(false)", ["typeMismatch 4..<11"], "`orValue` does not take (bool, bool)",
                "only optional values have it, such as `a.?b`, `a[?b]` and `optional.of(a)`"
            ),
            (
                "m.?a.orValue('x') == 'x'", ["typeMismatch 5..<12"], "`orValue` does not take (optional<bool>, string)",
                nil
            ),
            (
                "m.?a.or(optional.of(1)) == optional.of(1)", ["typeMismatch 5..<7"],
                "`or` does not take (optional<bool>, optional<int>)", nil
            ),
            ("m.?a.or(true)", ["typeMismatch 5..<7"], "`or` does not take (optional<bool>, bool)", nil),
            (
                "m.?a == optional.of(1)", ["typeMismatch 5..<7"], "`==` does not take (optional<bool>, optional<int>)",
                "take the value out of the optional one, as in `a.?b.orValue(…)`"
            ),
            (
                "hasValue(m.?a)", ["typeMismatch 0..<8"], "`hasValue` does not take (optional<bool>)",
                "it is a method: write `a.hasValue(…)`"
            ),
            ("m.?a.value(1)", ["typeMismatch 5..<10"], "`value` does not take (optional<bool>, int)", nil),
            ("optional.of() == m", ["typeMismatch 0..<11"], "`optional.of` does not take ()", nil),
            (
                "optional.none(m) == optional.none()", ["typeMismatch 0..<13"],
                "`optional.none` does not take (map<bool>)", nil
            ),
            (
                "[?m.a] == []", ["typeMismatch 2..<5"],
                "an entry with `?` takes an optional value, and this is a value of type bool",
                "leave the `?` out, or write `optional.of(…)`"
            ),
            (
                "{?'k': m.a} == {}", ["typeMismatch 7..<10"],
                "an entry with `?` takes an optional value, and this is a value of type bool",
                "leave the `?` out, or write `optional.of(…)`"
            ),
            (
                "m.optMap(x, x) == m", ["typeMismatch 2..<8"],
                "`optMap` takes an optional value, and this is a value of type map<bool>",
                nil
            ),
            (
                "m.?a.optMap(x.y, true).hasValue()", ["syntax 12..<15"],
                "the first part of `optMap` is the name of its variable",
                nil
            ),
            ("m.?a.optMap(x, x + 1).hasValue()", ["typeMismatch 17..<18"], "`+` does not take (bool, int)", nil),
            (
                "m.?a.b.hasValue()", ["typeMismatch 0..<6"], "a value of type optional<bool> has no fields such as `b`",
                nil
            ),
            (
                "m.?a[0].hasValue()", ["typeMismatch 5..<6"], "`[]` does not take (optional<bool>, int)",
                "take the value out of the optional one, as in `a.?b.orValue(…)`"
            ),
            ("m[?0].hasValue()", ["typeMismatch 3..<4"], "`[]` does not take (map<bool>, int)", nil),
            (
                "has(m.?a)", ["syntax 4..<8"], "`has` asks for a field, as in `has(a.b)`",
                "for a key that is no name write `'key' in a`, for an optional value `a.?b.hasValue()`"
            ),
            (
                "m.?size() == 1", ["syntax 3..<7"], "`.?` takes a field, and `size(…)` is a method",
                "methods are called after `.`, as in `a.size(…)`"
            ),
            ("m.?", ["syntax 3..<3"], "expected a name after `.?`, found the end", nil),
            (
                "optional.some(m) == m", ["unknownName 0..<13"], "there is no function `optional.some`",
                "did you mean `optional.none`?"
            ),
            (
                "optional_of(m) == m", ["unknownName 0..<11"], "there is no function `optional_of`",
                "did you mean `optional.of`?"
            ),
            (
                "m.?a.optMpa(x, x) == m", ["unknownName 5..<11", "unknownName 12..<13", "unknownName 15..<16"],
                "there is no function `optMpa`", "did you mean `optMap`?"
            ),
            // Functions of other versions of the library.
            (
                "m.?a.optFlatMap(x, optional.of(m)) == m", ["unknownName 5..<15", "unknownName 16..<17"],
                "there is no function `optFlatMap`",
                "write `a.hasValue() ? b : optional.none()` with `a.value()` in `b`"
            ),
            ("[m].first() == m", ["unknownName 4..<9"], "there is no function `first`", "write `a[?0]`"),
        ] as [(String, [String], String, String?)]
    )
    func refusalsSayWhatToWrite(body: String, places: [String], message: String, hint: String?) throws {
        #expect(try refusals(body, "m map<bool>") == places)
        guard case .failure(let problems) = ConditionCompiler.compile(body, parameters: try parameters("m map<bool>"))
        else { return }
        #expect(problems.all.first?.message == message)
        #expect(problems.all.first?.hint == hint)
    }

    @Test func optionalPartsCountAsUses() throws {
        #expect(
            try refusals(
                "m[?k].or(n.?x).optMap(x, x && a).orValue(b)",
                "m map<bool>, k string, n map<bool>, a bool, b bool"
            ) == []
        )
        #expect(try refusals("m.?k.orValue(true)", "m map<bool>, k string") == ["unusedParameter 0..<0"])
        #expect(try refusals("optional.of(true).value()", "optional int") == ["unusedParameter 0..<0"])
    }
}
