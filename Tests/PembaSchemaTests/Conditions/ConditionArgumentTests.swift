// Pemba: what values of contexts are for parameters.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionArgumentTests {
    @Test(
        arguments: [
            ("bool", "true", "a"), ("string", #""x""#, "a == 'x'"), ("int", "42", "a == 42"),
            ("int", "42.0", "a == 42"),
            ("int", "-4.2e1", "a == -42"), ("int", #""42""#, "a == 42"), ("int", #""-42.0""#, "a == -42"),
            ("int", #""9223372036854775807""#, "a == 9223372036854775807"), ("uint", "42", "a == 42"),
            ("uint", #""9223372036854775807""#, "a == 9223372036854775807"), ("uint", "0", "a == 0 && a < 1u"),
            ("double", "1.5", "a == 1.5"), ("double", "1", "a == 1.0"), ("double", #""42.0""#, "a == 42.0"),
            ("bytes", #""AQIDKg==""#, "a == b'\\x01\\x02\\x03\\x2a'"), ("bytes", #""""#, "a == b''"),
            ("bytes", #""+/+/""#, "a == b'\\xfb\\xff\\xbf'"), ("duration", #""10h4m""#, "a == duration('604m')"),
            ("duration", #""-1.5h""#, "a == duration('-90m')"),
            ("duration", #""1h0.5µs3ns""#, "a == duration('1h503ns')"),
            ("timestamp", #""2023-01-22T01:13:00Z""#, "a == timestamp('2023-01-22T01:13:00Z')"),
            ("timestamp", #""9999-12-31T23:59:59Z""#, "a.getFullYear() == 9999"),
            ("ipaddress", #""1.2.3.4""#, "a == ipaddress('1.2.3.4')"),
            ("list<uint>", #"[42.0, "7"]"#, "a == [42, 7]"), ("map<list<int>>", #"{"x":[1]}"#, "a.x == [1]"),
            ("list<ipaddress>", #"["1.2.3.4","4.5.6.7"]"#, "a[1].in_cidr('4.0.0.0/8')"), ("any", "null", "a == null"),
            ("any", "1", "type(a) == double && a == 1"), ("any", "9007199254740993", "a == 9007199254740993"),
            ("any", #"{"x":[1,"y",true,{"z":null}]}"#, "a.x[3].z == null && a.x[1] == 'y' && a.x[2]"),
            ("map<any>", "{}", "a == {}"),
        ] as [(String, String, String)]
    )
    func converted(type: String, json: String, body: String) throws {
        #expect(try outcome(body, "a \(type)", request: #"{"a":\#(json)}"#) == "holds")
    }

    @Test(
        arguments: [
            ("bool", #""hiya""#, "", "bool"), ("bool", "1", "", "bool"), ("string", "42", "", "string"),
            ("int", "42.1", "", "int"),
            ("int", #""42.1""#, "", "int"), ("int", #""x""#, "", "int"), ("int", #""0x10""#, "", "int"),
            ("int", "1e19", "", "int"),
            ("int", #""9223372036854775808""#, "", "int"), ("int", "true", "", "int"), ("int", "null", "", "int"),
            ("uint", "-1", "", "uint"),
            ("uint", #""-1""#, "", "uint"), ("double", #""inf""#, "", "double"), ("double", #""nan""#, "", "double"),
            ("double", #""1e999""#, "", "double"), ("double", #""""#, "", "double"), ("bytes", "42", "", "bytes"),
            ("bytes", #""testing123""#, "", "bytes"), ("bytes", #""AQIDKg""#, "", "bytes"),
            ("bytes", #""AQ-_""#, "", "bytes"),
            ("bytes", #""====""#, "", "bytes"), ("duration", #""10hm""#, "", "duration"),
            ("duration", #""1""#, "", "duration"),
            ("duration", #""""#, "", "duration"), ("duration", #"".s""#, "", "duration"),
            ("duration", #""300y""#, "", "duration"),
            ("duration", #""2562048h""#, "", "duration"), ("duration", "1", "", "duration"),
            ("timestamp", #""2023-0122""#, "", "timestamp"),
            ("timestamp", "42", "", "timestamp"), ("ipaddress", #""1...23.4""#, "", "ipaddress"),
            ("ipaddress", #""1.2.3.04""#, "", "ipaddress"),
            ("ipaddress", #""1.2.3.256""#, "", "ipaddress"), ("ipaddress", #""fe80::1%eth0""#, "", "ipaddress"),
            ("ipaddress", #""1:2:3:4:5:6:7""#, "", "ipaddress"), ("ipaddress", #""1::2::3""#, "", "ipaddress"),
            ("ipaddress", #""1:2:3:4:5:6:7::8:9""#, "", "ipaddress"), ("ipaddress", #"":::""#, "", "ipaddress"),
            ("ipaddress", #""12345::""#, "", "ipaddress"), ("ipaddress", #""""#, "", "ipaddress"),
            ("ipaddress", "42", "", "ipaddress"),
            ("list<int>", "{}", "", "list<int>"), ("list<int>", #"[1,"x"]"#, "[1]", "int"),
            ("map<int>", "[]", "", "map<int>"),
            ("map<map<string>>", #"{"foo":{"bar":42}}"#, ".foo.bar", "string"),
            ("map<list<uint>>", #"{"foo":["-1"]}"#, ".foo[0]", "uint"),
        ] as [(String, String, String, String)]
    )
    func refused(type: String, json: String, place: String, expected: String) throws {
        let context = try ContextObject(parsing: #"{"a":\#(json)}"#)
        let error = #expect(throws: ConditionArgumentError.self, "\(type) \(json)") {
            try ConditionArguments.convert(context, parameters: parameters("a \(type)"), unknownKeys: .ignore)
        }
        guard case .wrongType(expected, _, place, _) = error?.problem else {
            Issue.record("\(error.map { $0.description } ?? "")")
            return
        }
        #expect(error?.parameter == "a")
        #expect(error?.description.contains("`a\(place)` takes a value of type \(expected)") == true)
    }

    @Test func unknownKeysAreRefusedOnlyWhereTheyAreStored() throws {
        let parameters = try parameters("a int, b int")
        let context = try ContextObject(parsing: #"{"a":1,"c":2}"#)
        _ = try ConditionArguments.convert(context, parameters: parameters, unknownKeys: .ignore)
        let error = #expect(throws: ConditionArgumentError.self) {
            try ConditionArguments.convert(context, parameters: parameters, unknownKeys: .refuse)
        }
        #expect(error == ConditionArgumentError(parameter: "c", problem: .unknownParameter))
    }

    @Test func longValuesAreCutInErrors() throws {
        let context = ContextObject([("a", .string(String(repeating: "x", count: 10_000)))])
        let error = #expect(throws: ConditionArgumentError.self) {
            try ConditionArguments.convert(context, parameters: parameters("a int"), unknownKeys: .ignore)
        }
        #expect((error?.description.utf8.count ?? .max) < 300)
    }
}
