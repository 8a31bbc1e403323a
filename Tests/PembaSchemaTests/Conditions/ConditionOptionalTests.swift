// Pemba: what optional values of conditions come to.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionOptionalTests {
    @Test(
        arguments: [
            // Made, asked and taken.
            "optional.of(1).hasValue() && optional.of(1).value() == 1", "!optional.none().hasValue()",
            "optional.of(null).hasValue() && optional.of(null).value() == null", ".optional.of(2).value() == 2",
            "optional.of('a').orValue('b') == 'a'", "optional.none().orValue('b') == 'b'",
            "optional.of(1).or(optional.of(2)).value() == 1", "optional.none().or(optional.of(2)).value() == 2",
            "optional.none().or(optional.none()).or(optional.of(3)).orValue(4) == 3",
            "!optional.none().or(optional.none()).hasValue()",
            // The second operand is not looked at where the first decides.
            "optional.of(true).orValue(1 / 0 == 1)", "optional.of(1).or(optional.of(1 / 0)).value() == 1",
            // Fields: absent instead of wrong, and what follows is optional as well.
            "{'a': 1}.?a.value() == 1", "!{'a': 1}.?b.hasValue()", "{'a': {'b': 2}}.?a.b.value() == 2",
            "{'a': {'b': 2}}.?a.?b.value() == 2", "!{'a': {'b': 2}}.?a.c.hasValue()",
            "!{'a': {'b': 2}}.?x.b.hasValue()",
            "{'a': {'b': 2}}.a.?b.orValue(7) == 2", "{'a': {'b': {}}}.?a.b.?c.d.orValue(7) == 7",
            "{'a': null}.?a.hasValue() && {'a': null}.?a.value() == null", "optional.of({'a': 1}).a.value() == 1",
            "!optional.of({'a': 1}).b.hasValue()", "optional.of({'a': {'b': 1}}).a.b.orValue(2) == 1",
            "!optional.none().a.b.hasValue()", "!optional.none().?a.hasValue()", "{'a': 1} . ? a . value() == 1",
            // Indexes.
            "{'a b': 1}[?'a b'].value() == 1", "!{'a b': 1}[?'c'].hasValue()", "[7, 8][?1].value() == 8",
            "![7, 8][?2].hasValue() && ![7, 8][?-1].hasValue() && ![][?0].hasValue()",
            "{'a': [1, 2]}.?a[1].value() == 2", "!{'a': [1, 2]}.?a[2].hasValue()", "!{'a': [1]}.?b[0].hasValue()",
            "{'a': {'b c': 3}}.?a['b c'].orValue(0) == 3", "{'a': {'b c': 3}}[?'a'].?b.orValue(0) == 0",
            "optional.of([5])[0].value() == 5", "optional.of([5])[?1].orValue(6) == 6",
            "!optional.none()[0].hasValue()",
            "{true: 1, 2: 2, 5u: 3}[?true].value() == 1", "{1: 'x', 2u: 'y'}[?dyn(2.0)].value() == 'y'",
            // Keys of what is absent are not asked for.
            "!optional.none()[1 / 0].hasValue()", "!{'a': [1]}.?b[1 / 0].hasValue()",
            // Presence.
            "has({'a': {'b': 1}}.?a.b) && !has({'a': {'b': 1}}.?a.c) && !has({'a': {'b': 1}}.?x.b)",
            "has(optional.of({'a': 1}).a) && !has(optional.of({'a': 1}).b) && !has(optional.none().a)",
            // Nothing, in each type.
            "optional.ofNonZeroValue(3).value() == 3", "!optional.ofNonZeroValue(0).hasValue()",
            "!optional.ofNonZeroValue(0u).hasValue() && !optional.ofNonZeroValue(-0.0).hasValue()",
            "optional.ofNonZeroValue(0.0 / 0.0).hasValue()", "!optional.ofNonZeroValue(false).hasValue()",
            "!optional.ofNonZeroValue('').hasValue() && !optional.ofNonZeroValue(b'').hasValue()",
            "!optional.ofNonZeroValue([]).hasValue() && !optional.ofNonZeroValue({}).hasValue()",
            "optional.ofNonZeroValue([0]).hasValue() && optional.ofNonZeroValue({'': 0}).hasValue()",
            "!optional.ofNonZeroValue(null).hasValue() && !optional.ofNonZeroValue(duration('0s')).hasValue()",
            "!optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')).hasValue()",
            "optional.ofNonZeroValue(timestamp('1970-01-01T00:00:00Z')).hasValue()",
            "optional.ofNonZeroValue(ipaddress('0.0.0.0')).hasValue() && optional.ofNonZeroValue(int).hasValue()",
            "optional.ofNonZeroValue(optional.none()).hasValue()",
            // Equality is that of what they hold.
            "optional.none() == optional.none() && !(optional.none() != optional.none())",
            "optional.of(1) == optional.of(1) && optional.of(1) != optional.of(2)",
            "optional.of(1) != optional.none() && optional.none() != optional.of(1)",
            "optional.of(dyn(1)) == optional.of(dyn(1.0))", "dyn(optional.of(1)) != dyn(1)",
            "optional.of(optional.none()) != optional.none()",
            "optional.of([1]) in [optional.none(), optional.of([1])]",
            "type(optional.none()) == optional_type && type(optional.of(1)) == optional_type",
            // Elements and entries that are left out.
            "[?optional.of(1), ?optional.none(), 2] == [1, 2]", "[?{}.?a, ?optional.none()] == []",
            "[?[7][?0], ?[7][?1],] == [7]", "{?'a': optional.of(1), ?'b': optional.none(), 'c': 3} == {'a': 1, 'c': 3}",
            "{?'a': optional.ofNonZeroValue({?'b': {}.?b})} == {}", "{'a': 1, ?'a': optional.none()} == {'a': 1}",
            "[?dyn(optional.of(1))] == [1]", "[?optional.of(optional.of(1))][0].value() == 1",
            // The macro.
            "optional.of(4).optMap(x, x + 1).value() == 5", "!optional.none().optMap(x, x + 1).hasValue()",
            "{'a': [1, 2]}.?a.optMap(x, x.size()).orValue(0) == 2", "!optional.none().optMap(x, 1 / 0 == x).hasValue()",
            "optional.of(1).optMap(x, optional.of(2).optMap(y, x + y)).value().value() == 3",
            "optional.of(1).optMap(x, [x, 2].all(x, x < 3)).value()", "[1, 2].map(x, optional.of(x))[1].value() == 2",
            "optional.of(1).optMap(x, optional.of(5).optMap(x, x).value() + x).value() == 6",
            // What is of no type yet is of the type that is asked for.
            "(true ? optional.of(true) : optional.none()).orValue(false)",
            "{'a': {'b': true}}.?a.orValue({}).?b.orValue(false)",
            "(true ? [true] : [])[0]", "[optional.none(), optional.of(true)][1].value()",
            "optional.none().orValue(true)",
            "optional.none().or(optional.of(true)).value()", "optional.none().optMap(x, x + 1).orValue(1) == 1",
        ] as [String]
    )
    func holds(body: String) throws { #expect(try outcome(body) == "holds") }

    @Test(
        arguments: [
            ("m[?key].orValue(true)", "m map<bool>, key string", #"{"m":{"a":true,"b":false},"key":"c"}"#, "holds"),
            ("m[?key].orValue(true)", "m map<bool>, key string", #"{"m":{"a":true,"b":false},"key":"b"}"#, "fails"),
            // What the request leaves out is missing and not absent.
            ("m[?key].orValue(true)", "m map<bool>, key string", #"{"key":"a"}"#, "unknown m"),
            ("m[?key].orValue(true)", "m map<bool>, key string", #"{"m":{}}"#, "unknown key"),
            ("m[?key].orValue(true)", "m map<bool>, key string", "{}", "unknown m"),
            ("m.?a.orValue(true)", "m map<bool>", "{}", "unknown m"),
            ("m.?a.orValue(true)", "m map<bool>", #"{"m":{}}"#, "holds"),
            ("m.?a.b.c.orValue('x') == 'x'", "m map<any>", #"{"m":{"a":{}}}"#, "holds"),
            ("m.?a.b.c.orValue('x') == 'x'", "m map<any>", #"{"m":{"a":{"b":{"c":"y"}}}}"#, "fails"),
            ("m.?a.hasValue() || b", "m map<any>, b bool", "{}", "unknown b m"),
            ("m.?a.hasValue() || b", "m map<any>, b bool", #"{"b":true}"#, "holds"),
            ("!m.?a.hasValue() && b", "m map<any>, b bool", #"{"m":{}}"#, "unknown b"),
            ("m.?a.orValue(d)", "m map<bool>, d bool", #"{"m":{}}"#, "unknown d"),
            ("m.?a.orValue(d)", "m map<bool>, d bool", #"{"m":{"a":true}}"#, "holds"),
            ("m.?a.orValue(d)", "m map<bool>, d bool", #"{"d":true}"#, "unknown m"),
            ("m.?a.or(n.?a).orValue(false)", "m map<bool>, n map<bool>", #"{"m":{"a":true}}"#, "holds"),
            ("m.?a.or(n.?a).orValue(false)", "m map<bool>, n map<bool>", #"{"m":{}}"#, "unknown n"),
            ("m.?a.or(n.?a).orValue(false)", "m map<bool>, n map<bool>", #"{"m":{},"n":{}}"#, "fails"),
            ("l[?i].orValue(0) == 3", "l list<int>, i int", #"{"l":[1,3],"i":1}"#, "holds"),
            ("l[?i].orValue(0) == 3", "l list<int>, i int", #"{"l":[1,3],"i":7}"#, "fails"),
            ("m.?a[i].orValue(0) == 0", "m map<list<int>>, i int", #"{"m":{}}"#, "holds"),
            ("m.?a[i].orValue(0) == 0", "m map<list<int>>, i int", #"{"m":{"a":[]}}"#, "unknown i"),
            ("has(m.?a.b)", "m map<any>", "{}", "unknown m"), ("has(m.?a.b)", "m map<any>", #"{"m":{}}"#, "fails"),
            ("optional.of(b).hasValue()", "b bool", "{}", "unknown b"),
            ("optional.ofNonZeroValue(i).hasValue()", "i int", #"{"i":0}"#, "fails"),
            ("m.?a.optMap(x, x > i).orValue(true)", "m map<int>, i int", #"{"m":{}}"#, "holds"),
            ("m.?a.optMap(x, x > i).orValue(true)", "m map<int>, i int", #"{"m":{"a":2}}"#, "unknown i"),
            ("m.?a.optMap(x, x > i).orValue(true)", "m map<int>, i int", #"{"m":{"a":2},"i":2}"#, "fails"),
            ("[?m.?a, i] == [1, 2]", "m map<int>, i int", #"{"i":2}"#, "unknown m"),
            ("[?m.?a, i] == [2]", "m map<int>, i int", #"{"i":2,"m":{}}"#, "holds"),
            ("{?'k': m.?a, 'i': i} == {'i': 2}", "m map<int>, i int", #"{"i":2,"m":{}}"#, "holds"),
            ("{?'k': m.?a, 'i': i} == {'i': 2}", "m map<int>, i int", #"{"i":2}"#, "unknown m"),
            ("m.?a == optional.of(1)", "m map<int>", #"{"m":{"a":1}}"#, "holds"),
            ("m.?a == n.?a", "m map<int>, n map<int>", #"{"m":{},"n":{}}"#, "holds"),
            // A parameter may have the name; `optional.of` is the function all the same.
            ("optional && optional.of(optional).value()", "optional bool", #"{"optional":true}"#, "holds"),
            ("optional.of.size() == 1", "optional map<string>", #"{"optional":{"of":"x"}}"#, "holds"),
            ("[1].all(optional, optional.of(optional).value() == 1) && b", "b bool", #"{"b":true}"#, "holds"),
        ] as [(String, String, String, String)]
    )
    func missingIsNotAbsent(body: String, parameters: String, context: String, expected: String) throws {
        #expect(try outcome(body, parameters, request: context) == expected)
    }

    /// What has neither fields nor elements has not the one that is asked for.
    @Test(
        arguments: [
            "!has(m.i.x)", "!has(m.n.x)", "!has(m.s.x)", "!has(m.b.x)", "!has(m.?i.x)", "!has(m.?a.x)",
            "has(m.m.i) && !has(m.m.i.x)", "!m.?i.x.hasValue()", "m.?i.x.orValue(7) == 7", "!m.i.?x.hasValue()",
            "!m.?n.x.y.?z.hasValue()", "!m.?s.x.hasValue()", "!m.?b.?x.hasValue()", "!m[?'i'][0].hasValue()",
            "!m.i[?0].hasValue()", "!m.s[?'x'].hasValue()", "!m.?n[true].hasValue()",
            "!has(dyn(duration('1s')).x)", "!dyn(timestamp('2020-01-01T00:00:00Z')).?x.hasValue()",
            "!has(dyn(b'a').x)", "!has(dyn(int).x)", "!has(dyn(ipaddress('10.0.0.1')).x)",
            "m.?i.optMap(x, x).orValue(7) == 1",
        ] as [String]
    )
    func whatHasNoPartsHasNotThisOne(body: String) throws {
        let context = #"{"m":{"i":1,"n":null,"s":"x","b":true,"m":{"i":1}}}"#
        #expect(try outcome("\(body) && m == m", "m map<any>", request: context) == "holds")
    }

    @Test(
        arguments: [
            ("m.?a.value() == 1", "the optional value is absent; ask `….hasValue()` first, or write `….orValue(…)`"),
            ("optional.none().value() == m", "the optional value is absent"),
            // Whoever does not ask first, or asks a list for a field.
            ("m.i.x == 1", "only maps have fields"), ("m.l.x == 1", "only maps have fields"),
            ("m.?l.x.hasValue()", "only maps have fields"), ("has(m.l.x)", "only maps have fields"),
            ("has(m.i.x.y)", "only maps have fields"), ("m.i[0] == 1", "`[]` does not take (double, int)"),
            ("m.?l['x'].hasValue()", "`[]` does not take (list, string)"),
            // No value of these types is a key of anything.
            ("m.?i[dyn(null)].hasValue()", "`[]` does not take"), ("m.?m[dyn([1])].hasValue()", "`[]` does not take"),
            ("m.i.hasValue()", "an optional value is needed, and this is a value of type double"),
            ("m.i.value() == 1", "an optional value is needed"), ("m.i.orValue(1) == 1", "an optional value is needed"),
            ("m.i.or(m.?i) == m.?m", "an optional value is needed"),
            ("m.?a.or(m.i) == m.?m", "an optional value is needed"),
            ("m.i.optMap(x, x) == m.?m", "an optional value is needed"),
            ("[?m.i] == []", "an optional value is needed"),
            ("{?'a': m.i} == {}", "an optional value is needed"), ("{'a': 1, ?'a': m.?i} == {}", "occurs twice"),
            ("dyn(m.?i) + 1 == 2", "`+` does not take (optional_type, int)"), ("{dyn(m.?i): 1} == {}", "can be no key"),
            ("dyn(m.?i) && true", "true or false is needed, and this is a value of type optional_type"),
            ("dyn(m.?l).all(x, x == 1)", "a list or a map is needed"),
            ("optional.of(1 / int(m.z)).hasValue()", "division"),
            ("m.?l[1 / int(m.z)].hasValue()", "division"), ("m.?a.or(optional.of(1 / int(m.z))) == m.?m", "division"),
        ] as [(String, String)]
    )
    func failuresSayWhatIsWrong(body: String, text: String) throws {
        let context = #"{"m":{"i":1,"n":null,"l":[1],"m":{},"z":0}}"#
        let result = try outcome("(\(body)) || dyn(m) == 1", "m map<any>", request: context)
        // An error is absorbed by what is true, and by nothing else.
        #expect(result.hasPrefix("error") && result.contains(text), "\(result)")
        #expect(try outcome("(\(body)) || dyn(m) != 1", "m map<any>", request: context) == "holds")
    }

    /// Optional values say in short what `has` and conditionals say at length.
    @Test(
        arguments: [
            ("m.?k.orValue(7) == 7", "(has(m.k) ? m.k : 7) == 7"),
            ("m[?'k'].hasValue() && d", "'k' in m && d"),
            ("m.?k.or(n.?k).orValue(1) > 2", "(has(m.k) ? m.k : has(n.k) ? n.k : 1) > 2"),
            ("m.?k.optMap(x, x + 1).orValue(0) == 8", "(has(m.k) ? m.k + 1 : 0) == 8"),
            ("m.?k == n.?k", "has(m.k) == has(n.k) && (!has(m.k) || m.k == n.k)"),
            ("[?m.?k, ?n.?k].size() == 1", "has(m.k) != has(n.k)"),
            ("m.?k.value() == 7", "m.k == 7"),
        ] as [(String, String)]
    )
    func shortFormsAreTheirLongForms(short: String, long: String) throws {
        let parameters = try parameters("m map<int>, n map<int>, d bool")
        let all = "(m == m || n == n || d || true)"
        let first = try condition("\(all) && \(short)", parameters)
        let second = try condition("\(all) && \(long)", parameters)
        for m in [nil, "{}", #"{"k":7}"#, #"{"k":1}"#] {
            for n in [nil, "{}", #"{"k":7}"#] {
                for d in [nil, "true", "false"] {
                    let members = [("m", m), ("n", n), ("d", d)].compactMap { name, value in
                        value.map { "\"\(name)\":\($0)" }
                    }
                    let context = try ContextObject(parsing: "{" + members.joined(separator: ",") + "}")
                    let given = try ConditionArguments.convert(context, parameters: parameters, unknownKeys: .refuse)
                    let one = word(first, stored: nil, request: given)
                    let other = word(second, stored: nil, request: given)
                    #expect(one.hasPrefix("error") ? other.hasPrefix("error") : one == other, "\(context.json)")
                }
            }
        }
    }
}
