// Pemba: what each construct of conditions means.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

/// Every row is a condition without parameters that holds, unless the table says otherwise.
struct ConditionLanguageTests {
    @Test(
        arguments: [
            // Numbers.
            "1 + 2 * 3 == 7", "(1 + 2) * 3 == 9", "7 / 2 == 3", "-7 / 2 == -3", "-7 % 3 == -1", "7u % 3u == 1u",
            "1.5 + .5 == 2.0", "1e3 == 1000.0", "2.5e-1 == 0.25", "0xFF == 255", "-0x10 == -16", "0xFFu == 255u",
            "-9223372036854775808 < 9223372036854775807", "18446744073709551615u > 0u", "10 - 3 - 2 == 5",
            "100 / 10 / 5 == 2", "1.0 / 0.0 > 1e308", "!(0.0 / 0.0 == 0.0 / 0.0)", "0.0 / 0.0 != 0.0", "- -1 == 1",
            // Texts and bytes.
            #"'a\tb' == "a\tb""#, #"r'\d' == '\\d'"#, "'''a\nb''' == 'a\\nb'", #""""it's "quoted" """.size() == 14"#,
            #"'\x41\u0042\U00000043\104\'' == "ABCD'""#, #"b'\xff\377a' == b"\xff\xffa""#, #"b'é' == b'\303\251'"#,
            #"rb'\n' == b'\\n'"#, #"Br"x" == b'x'"#, "'é' != 'e\u{301}'", "'é'.size() == 1", "b'é'.size() == 2",
            "'''a\r\nb\rc''' == 'a\\nb\\nc' && r'''a\r\n''' == 'a\\n' && b'''\r''' == b'\\n'",
            "'a' + 'b' == 'ab'", "b'a' + b'b' == b'ab'", "'a' < 'b' && 'a' < 'aa' && 'B' < 'a'", "b'a' <= b'a'",
            // Logic and conditionals.
            "true || false && false", "!false && !(true && false)", "false ? false : true ? true : false",
            "(true ? 1 : 2) == 1", "1 < 2 == true", "!true == false", "true == !false",
            // Lists and maps.
            "[1, 2, 3][1] == 2", "[1] + [2] == [1, 2]", "[[1], []] == [[1], []]", "[1, 2,].size() == 2", "[] == []",
            "{'a': 1}.a == 1", "{'a': {'b': 2}}.a.b == 2", "{'a': 1,}['a'] == 1", "{1: 'x'}[1] == 'x'", "{} == {}",
            "{true: 1}[true] == 1", "{1: 'x', 2u: 'y'}[dyn(2)] == 'y'", "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
            "2 in [1, 2]", "!(3 in [1, 2])", "'a' in {'a': 1}", "!('b' in {'a': 1})", "dyn(1.0) in [1, 2]",
            "has({'a': 1}.a) && !has({'a': 1}.b)", "has({'a': null}.a)", "size([1]) == 1 && size({}) == 0",
            // Numbers of different types are compared exactly.
            "dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1.0) == 1u", "dyn(1) < 1.5 && dyn(2u) > 1.5", "1 == 1u && 1 < 2u",
            "dyn(9007199254740993) > 9007199254740992.0", "dyn(9223372036854775807) < 9223372036854775808.0",
            "dyn(18446744073709551615u) < 18446744073709551616.0", "dyn(-1) < 0u", "dyn('1') != 1", "dyn(null) != 0",
            "dyn([1, 2u]) == [1.0, 2]", "null == null",
            // Macros.
            "[1, 2].all(x, x > 0)", "![1, 2].all(x, x > 1)", "[].all(x, false)", "[1, 2].exists(x, x == 2)",
            "![].exists(x, true)", "[1, 2, 3].exists_one(x, x > 2)", "![1, 2, 3].exists_one(x, x > 1)",
            "[1, 2].existsOne(x, x > 1)", "[1, 2, 3].filter(x, x != 2) == [1, 3]", "[1, 2].map(x, x * 2) == [2, 4]",
            "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]", "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
            "{'b': 1, 'a': 2}.map(k, k) == ['a', 'b']", "[[1, 2], [3]].all(x, x.all(y, y > 0))",
            "[1, 2].all(x, [3].exists(y, y > x))", "[1].all(x, [2].all(x, x == 2) && x == 1)",
            "[1].map(x, [x].map(x, x + 1)) == [[2]]",
            // Methods of texts.
            "'hello'.contains('ell') && !'hello'.contains('elo') && ''.contains('')", "'aabaab'.contains('aab')",
            "'ababac'.contains('abac')", "'hello'.startsWith('he') && !'hello'.startsWith('hello!')",
            "'hello'.endsWith('lo') && ''.endsWith('')", "!'é'.startsWith('e')", "!'e\u{301}'.endsWith('e')",
            "'abc'.matches('b')", "matches('abc', '^a.c$')", "!'abc'.matches('^b')",
            // Conversions.
            "int('-12') == -12", "int(3.9) == 3", "int(-3.9) == -3", "int(7u) == 7", "uint(7) == 7u", "uint('7') == 7u",
            "double('1.5') == 1.5", "double(3) == 3.0", "string(1) == '1'", "string(1.0) == '1'",
            "string(1.5) == '1.5'",
            "string(true) == 'true'", "string(b'abc') == 'abc'", "bytes('abc') == b'abc'", "bool('true') && !bool('f')",
            "bool('T') && !bool('F')", "int(duration('-1.5s')) == -1500000000", "uint(0.9) == 0u && uint(-0.0) == 0u",
            "string(999999.5) == '999999.5' && string(-123456789.0) == '-1.23456789e+08'",
            "string(1e6) == '1e+06' && string(1234567.25) == '1.23456725e+06' && string(1e15) == '1e+15'",
            "string(1e21) == '1e+21' && string(0.0001) == '0.0001' && string(0.00001) == '1e-05'",
            "string(-0.0) == '-0' && string(0.0 / 0.0) == 'NaN' && string(-1.0 / 0.0) == '-Inf'",
            "double('-Inf') == -1.0 / 0.0 && double('infinity') > 1e308 && double('nan') != double('nan')",
            "int(timestamp('1970-01-01T00:01:00Z')) == 60", "timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
            "string(timestamp('2020-01-01T00:00:00.50Z')) == '2020-01-01T00:00:00.5Z'",
            "string(duration('1h1.5s')) == '3601.5s'", "string(duration('-1ms')) == '-0.001s'",
            "type(1) == int && type(1u) == uint && type('') == string && type(type(1)) == type", "type([]) == list",
            "type(null) == null_type && type(duration('1s')) == google.protobuf.Duration",
            // Times.
            "timestamp('2020-01-01T00:00:00Z') + duration('24h') == timestamp('2020-01-02T00:00:00Z')",
            "duration('1h') + timestamp('2020-01-01T00:00:00Z') == timestamp('2020-01-01T01:00:00Z')",
            "timestamp('2020-01-01T00:00:00Z') - duration('1ns') == timestamp('2019-12-31T23:59:59.999999999Z')",
            "timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') == duration('24h')",
            "timestamp('2020-01-01T00:00:00Z') - timestamp('2020-01-01T00:00:00.5Z') == duration('-500ms')",
            "duration('1m') - duration('1s') == duration('59s') && -duration('1s') == duration('-1s')",
            "timestamp('9999-12-31T23:59:59Z') > timestamp('0001-01-01T00:00:00Z')",
            "timestamp('2020-01-01T01:00:00+01:00') == timestamp('2020-01-01T00:00:00Z')",
            "duration('1h30m') == duration('90m') && duration('1.5s') == duration('1500ms')",
            "duration('0') < duration('1ns')",
        ] as [String]
    )
    func holds(body: String) throws {
        #expect(try outcome(body) == "holds")
    }

    @Test func partsOfTimesStartWhereCELSaysSo() throws {
        let rows: [(part: String, zone: String, value: Int)] = [
            ("getFullYear", "", 2009), ("getMonth", "", 1), ("getDate", "", 13), ("getDayOfMonth", "", 12),
            ("getDayOfWeek", "", 5), ("getDayOfYear", "", 43), ("getHours", "", 23), ("getMinutes", "", 31),
            ("getSeconds", "", 30), ("getMilliseconds", "", 123), ("getDate", "'+02:00'", 14),
            ("getHours", "'+02:00'", 1), ("getHours", "'02:00'", 1), ("getMinutes", "'-05:30'", 1),
            ("getDayOfWeek", "'+00:29'", 6), ("getHours", "'UTC'", 23), ("getHours", "'-00:00'", 23),
            ("getDayOfYear", "'+02:00'", 44), ("getMonth", "'-14:00'", 1), ("getDate", "'-23:59'", 12),
        ]
        for row in rows {
            let body = "timestamp('2009-02-13T23:31:30.123456789Z').\(row.part)(\(row.zone)) == \(row.value)"
            #expect(try outcome(body) == "holds", "\(body)")
        }
        let lengths: [(part: String, value: Int)] = [
            ("getHours", 2), ("getMinutes", 121), ("getSeconds", 7_261), ("getMilliseconds", 7_261_250),
        ]
        for row in lengths {
            #expect(try outcome("duration('2h1m1.25s').\(row.part)() == \(row.value)") == "holds", "\(row)")
        }
    }

    @Test(
        arguments: [
            ("10.1.2.3", "10.0.0.0/8", true), ("11.1.2.3", "10.0.0.0/8", false), ("10.1.2.3", "10.1.2.3/32", true),
            ("10.1.2.4", "10.1.2.3/32", false), ("1.2.3.4", "0.0.0.0/0", true), ("10.1.2.3", "10.99.99.99/8", true),
            ("::ffff:10.1.2.3", "10.0.0.0/8", true), ("10.1.2.3", "::/0", false), ("::1", "0.0.0.0/0", false),
            ("2001:db8::1", "2001:db8::/32", true), ("2001:db9::1", "2001:db8::/32", false), ("::1", "::1/128", true),
            ("::2", "::1/128", false), ("2001:db8:0:1::", "2001:db8::/64", false),
            ("2001:db8::1:0:0:1", "2001:db8::/64", true),
            ("10.1.2.3", "::ffff:10.0.0.0/104", true), ("fe80::1", "fe80::/10", true),
        ] as [(String, String, Bool)]
    )
    func addressesLieInBlocks(address: String, block: String, isInside: Bool) throws {
        let expected = isInside ? "holds" : "fails"
        #expect(try outcome("ipaddress('\(address)').in_cidr('\(block)')") == expected)
        let context = #"{"a":"\#(address)","b":"\#(block)"}"#
        #expect(try outcome("a.in_cidr(b)", "a ipaddress, b string", request: context) == expected)
    }

    @Test func addressesHaveOneText() throws {
        let rows = [
            ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("::", "::"), ("1::", "1::"), ("::1", "::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ]
        for (written, canonical) in rows {
            #expect(try outcome("string(ipaddress('\(written)')) == '\(canonical)'") == "holds", "\(written)")
            #expect(try outcome("ipaddress('\(written)') == ipaddress('\(canonical)')") == "holds", "\(written)")
        }
    }

    @Test func subtreesAreCompared() throws {
        let rows: [(String, String, Bool)] = [
            ("{'a': 1}", "{'a': 1}", true), ("{'a': 1, 'b': 2}", "{'a': 1}", false),
            ("{'a': 1}", "{'a': 1, 'b': 1}", true), ("{'a': 1}", "{'a': 2}", false), ("{'x': 1}", "{'a': 1}", false),
            ("{'b': {'a': 1}}", "{'b': {'a': 1, 'c': 2}}", true), ("{'b': {'a': 1}}", "{'b': {'a': '1'}}", false),
            ("{'b': {'a': 1}}", "{'b': 1}", false), ("{'b': 1}", "{'b': {'a': 1}}", false), ("{}", "{'a': 1}", true),
        ]
        for (part, whole, isPart) in rows {
            let body = "dyn(\(part)).isSubtreeOf(dyn(\(whole)))"
            #expect(try outcome(body) == (isPart ? "holds" : "fails"), "\(body)")
        }
    }

    @Test(
        arguments: [
            ("a / b == 1", "division by zero"), ("a % b == 1", "division by zero"),
            ("9223372036854775807 + a + b > 0", "overflow"), ("-9223372036854775808 - a - b > 0", "overflow"),
            ("4611686018427387904 * (a + a) + b > 0", "overflow"), ("-(-9223372036854775807 - a) + b > 0", "overflow"),
            ("uint(b) - 1u < uint(a)", "overflow"), ("uint(b - a) == 0u", "overflow"),
            ("uint(double(b) - 0.5 * double(a)) == 0u", "overflow"),
            ("uint('+' + string(a)) == uint(b)", "cannot read"),
            ("uint('-' + string(b)) == uint(a)", "cannot read"),
            ("double(string(a + b) + 'e999') > 0.0", "cannot read"),
            ("double('0x' + string(a + b)) > 0.0", "cannot read"),
            ("int(double(a) * 1e19) == b", "overflow"), ("[a][a] == b", "index out of range"),
            ("[a][b - a] == b", "index out of range"), ("{'x': a}.y == b", "no such key"),
            ("{'x': a}['y'] == b", "no such key"), ("{a: 1, a + b: 2} == {}", "occurs twice"),
            ("dyn(a) + dyn('x') == b", "does not take"), ("dyn(a) && b == 0", "true or false"),
            ("dyn(a).exists(x, x == b)", "a list or a map"), ("dyn(a).x == b", "only maps"),
            ("int(string(a) + 'x') == b", "cannot read"), ("bool(string(a + b) + 'x')", "cannot read"),
            ("timestamp(a * 253402300800) > timestamp(b)", "does not fit"),
            ("'x'.matches('(' + string(a + b))", "regular"),
            ("timestamp(a).getHours('Europe/Zurich') == b", ""),
            ("timestamp(a).getHours(string(b)) == b", "`0` is no offset from UTC, and time zones have no names"),
            ("timestamp(a).getHours(b == 0 ? 'Etc/UTC' : '') == b", "let a parameter bring the offset"),
            ("ipaddress('::1').in_cidr(string(a + b))", "block"),
            ("[1, 2].all(x, x / b > a)", "division by zero"),
            ("[2, 1].exists_one(x, x / (x - a) > b)", "division by zero"),
        ] as [(String, String)]
    )
    func errorsSayWhatIsWrong(body: String, text: String) throws {
        guard !text.isEmpty else {
            #expect(try refusals(body, "a int, b int").count == 1)
            return
        }
        let result = try outcome(body, "a int, b int", request: #"{"a":1,"b":0}"#)
        #expect(result.hasPrefix("error") && result.contains(text), "\(result)")
    }
}
