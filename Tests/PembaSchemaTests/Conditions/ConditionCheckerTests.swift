// Pemba: what is wrong with conditions, and where.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionCheckerTests {
    @Test(
        arguments: [
            ("", "", ["syntax 0..<0"]), ("a +", "a int", ["syntax 3..<3"]), ("a == 1 1", "a int", ["syntax 7..<8"]),
            ("(a == 1", "a int", ["syntax 7..<7"]), ("a == 1)", "a int", ["syntax 6..<7"]),
            ("a = 1", "a int", ["syntax 2..<3"]),
            ("a & b", "a bool, b bool", ["syntax 2..<3"]), ("a == #", "a int", ["syntax 5..<6"]),
            ("a == é", "a int", ["syntax 5..<7"]), ("a == 'x", "a string", ["syntax 5..<7"]),
            ("a == 'x\n'", "a string", ["syntax 5..<7"]), (#"a == '\d'"#, "a string", ["syntax 6..<8"]),
            (#"a == '\ud800'"#, "a string", ["syntax 6..<12"]), (#"a == b'\u0041'"#, "a bytes", ["syntax 7..<9"]),
            ("a == 9223372036854775808", "a int", ["syntax 5..<24"]), ("a == 0x", "a int", ["syntax 5..<7"]),
            ("a == 1e999", "a double", ["syntax 5..<10"]), ("a == 1x", "a int", ["syntax 5..<7"]),
            ("a == 18446744073709551616u", "a int", ["syntax 5..<26"]), ("a ? true", "a bool", ["syntax 8..<8"]),
            ("a.in", "a any", ["syntax 2..<4"]), ("if == 1", "", ["syntax 0..<2"]), ("[1, 2", "", ["syntax 5..<5"]),
            ("{'a' 1}", "", ["syntax 5..<6"]), ("a[1 == 1", "a any", ["syntax 8..<8"]), ("f(1,)", "", ["syntax 4..<5"]),
            ("b == 1", "a int", ["unknownName 0..<1"]),
            ("a == b && c", "a int", ["unknownName 5..<6", "unknownName 10..<11"]),
            ("a.foo() == 1", "a any", ["unknownName 2..<5"]), ("foo(a) == 1", "a any", ["unknownName 0..<3"]),
            ("[1].all(x, x > 0) && x == 1", "", ["unknownName 21..<22"]),
            ("[1].all(x, .x > 0)", "", ["unknownName 11..<13"]),
            ("a == 'x'", "a int", ["typeMismatch 2..<4"]), ("a == 1.0", "a int", ["typeMismatch 2..<4"]),
            ("a + b == 1", "a uint, b bool", ["typeMismatch 2..<3"]), ("a[0] == 1", "a uint", ["typeMismatch 2..<3"]),
            ("a['hi'] == 1", "a list<uint>", ["typeMismatch 2..<6"]), ("a == 'abc'", "a bytes", ["typeMismatch 2..<4"]),
            ("a > '1h3m'", "a duration", ["typeMismatch 2..<3"]), ("a.x == 1", "a int", ["typeMismatch 0..<3"]),
            ("a.in_cidr(1)", "a ipaddress", ["typeMismatch 2..<9"]),
            ("a.in_cidr('::/0')", "a string", ["typeMismatch 2..<9"]),
            ("startsWith(a, 'x')", "a string", ["typeMismatch 0..<10"]),
            ("a.int() == 1", "a string", ["typeMismatch 2..<5"]),
            ("a.size(1) == 1", "a string", ["typeMismatch 2..<6"]), ("!a", "a int", ["typeMismatch 1..<2"]),
            ("-a == 1u", "a string", ["typeMismatch 0..<2"]), ("a && true", "a int", ["typeMismatch 0..<1"]),
            ("a ? 1 == 1 : true", "a int", ["typeMismatch 0..<1"]),
            ("(a ? 1 : 'x') == 1", "a bool", ["typeMismatch 5..<12"]),
            ("a.all(x, x > 0)", "a int", ["typeMismatch 2..<5"]),
            ("a.all(x, x)", "a list<int>", ["typeMismatch 9..<10"]),
            ("a.all(x.y, true)", "a list<int>", ["syntax 6..<9"]), ("has(a)", "a map<any>", ["syntax 4..<5"]),
            ("has(a['x'])", "a map<any>", ["syntax 4..<10"]), ("'x' in a", "a list<int>", ["typeMismatch 4..<6"]),
            ("1 in a", "a map<int>", ["typeMismatch 2..<4"]), ("a < true", "a list<int>", ["typeMismatch 2..<3"]),
            ("{1.5: a} == {}", "a int", ["typeMismatch 1..<4"]),
            // One mistake is one problem, and both of two are reported.
            ("b.x == 'x' || a == 'y'", "a int", ["unknownName 0..<1", "typeMismatch 16..<18"]),
            ("a", "a int", ["notBoolean 0..<1"]), ("a", "a any", ["notBoolean 0..<1"]),
            ("a + 1", "a int", ["notBoolean 0..<5"]),
            ("a == 1", "a int, b int", ["unusedParameter 0..<0"]),
            ("[1].all(a, a > 0)", "a int", ["unusedParameter 0..<0"]),
            // Constants are read when the schema is.
            ("a < timestamp('yesterday')", "a timestamp", ["syntax 4..<26"]),
            ("a < duration('1 day')", "a duration", ["syntax 4..<21"]),
            ("a == ipaddress('1.2.3')", "a ipaddress", ["syntax 5..<23"]),
            ("a.in_cidr('10.0.0.0/33')", "a ipaddress", ["syntax 10..<23"]),
            ("a.matches('(')", "a string", ["syntax 10..<13"]),
            (#"a.matches(r'\pL')"#, "a string", ["unsupported 10..<16"]),
            ("a.getHours('Europe/Zurich') == 1", "a timestamp", ["unsupported 11..<26"]),
            ("Foo{a: 1} == a", "a any", ["unsupported 3..<4"]),
            ("a.b.C{a: 1} == a", "a any", ["unsupported 5..<6"]),
        ] as [(String, String, [String])]
    )
    func refused(body: String, parameters: String, problems: [String]) throws {
        #expect(try refusals(body, parameters) == problems)
    }

    @Test(
        arguments: [
            ("a < 5u && a == 7u", "a uint"), ("a == 1 && a < 2.5", "a any"), ("a.b.c[0].d == 'x'", "a map<any>"),
            ("a.b[0] == 'x'", "a map<list<string>>"), ("a.all(k, a[k] > 0)", "a map<int>"),
            ("a != null", "a timestamp"), ("null != a", "a ipaddress"),
            ("a == true", "a any"), ("a.foo", "a map<bool>"), ("a[b]", "a map<bool>, b string"),
            ("dyn(a) == 1.0", "a int"),
            ("a // one\n== // two\n1", "a int"), ("\t\n\u{C}a\r\n==1", "a int"), ("string == 'x'", "string string"),
            ("a.package == 1", "a map<int>"), ("duration > duration('1s')", "duration duration"),
            (".a == 1 && [2].all(a, .a == 1 && a == 2)", "a int"), ("a == []", "a list<int>"),
            ("a + [1] == [1, 2]", "a list<int>"),
            ("a in ['x', 'y']", "a string"), ("a.isSubtreeOf(b)", "a map<any>, b map<string>"), ("!!a", "a bool"),
            ("--a == 1", "a int"),
        ] as [(String, String)]
    )
    func accepted(body: String, parameters: String) throws { #expect(try refusals(body, parameters) == []) }

    @Test func messagesNameTheMistakeAndTheWayOut() throws {
        func problem(_ body: String, _ declared: String) throws -> ConditionProblem? {
            guard case .failure(let problems) = ConditionCompiler.compile(body, parameters: try parameters(declared))
            else { return nil }
            return problems.all.first
        }
        let unknown = try problem("regoin == 'eu'", "region string")
        #expect(unknown?.message.contains("`regoin`") == true)
        #expect(unknown?.hint == "did you mean `region`?")
        #expect(try problem("a.startWith('x')", "a string")?.hint == "did you mean `startsWith`?")
        #expect(try problem("a == 'x'", "a int")?.message == "`==` does not take (int, string)")
        #expect(try problem("startsWith(a, 'x')", "a string")?.hint?.contains("a method") == true)
        #expect(try problem("a = 1", "a int")?.hint == "equality is written `==`")
        #expect(try problem("a + 1", "a int")?.message.contains("int") == true)
        let zone = try problem("a.getHours('Europe/Zurich') == 1", "a timestamp")
        #expect(
            zone?.message == "`Europe/Zurich` is no offset from UTC, and time zones have no names in conditions"
        )
        #expect(
            zone?.hint
                == "write `+02:00` or `UTC`; where summer time matters, let a parameter bring the offset, as in "
                + "`a.getHours(offset)`"
        )
        let unused = try problem("a == 1", "a int, b int")
        #expect(unused?.message.contains("`b`") == true)
        #expect(unused?.parameter == 1)
    }

    @Test func equalTextsOverEqualParametersAreEqual() throws {
        let one = try condition("a == 1", try parameters("a int"))
        #expect(one == (try condition("a == 1", try parameters("a int"))))
        #expect(one != (try condition("a == 1 ", try parameters("a int"))))
        #expect(one != (try condition("a == 1", try parameters("a any"))))
    }

    @Test func typesHaveNames() throws {
        for text in ["any", "ipaddress", "list<any>", "map<list<timestamp>>", "list<map<double>>"] {
            #expect(try type(text).description == text)
        }
        for (name, count) in [("float", 0), ("list", 0), ("list", 2), ("map", 0), ("map", 2), ("int", 1), ("Int", 0)] {
            let arguments = [ConditionType](repeating: .any, count: count)
            #expect(ConditionType(name: name, arguments: arguments) == nil, "\(name) of \(count)")
        }
        #expect(ConditionType.names.count == 12)
    }
}
