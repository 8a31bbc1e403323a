// Pemba: conditions with arguments that are missing or of no use.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionThreeValueTests {
    /// A condition that is true, false, unknown or an error, by what `t` and `z` are; `u` is missing.
    private static let operands = ["t", "!t", "u", "1 / z == 1"]

    @Test func truthTablesOfAndAndOr() throws {
        // Rows and columns in the order of the operands: holds, fails, unknown, error.
        let and = ["hfue", "ffff", "ufuu", "efue"]
        let or = ["hhhh", "hfue", "huuu", "heue"]
        for (row, left) in ConditionThreeValueTests.operands.enumerated() {
            for (column, right) in ConditionThreeValueTests.operands.enumerated() {
                for (mark, table) in [("&&", and), ("||", or)] {
                    // What follows is true and uses the parameters that the row does not.
                    let body = "(\(left) \(mark) \(right)) && (t || u || z == 0)"
                    let expected = Array(table[row])[column]
                    let result = try outcome(body, "t bool, u bool, z int", request: #"{"t":true,"z":0}"#)
                    #expect(result.first == expected, "\(left) \(mark) \(right): \(result)")
                }
            }
        }
    }

    @Test(
        arguments: [
            ("a + 2 == 4", "a int", "{}", "unknown a"), ("a == 2 || b == 6", "a int, b int", #"{"a":2}"#, "holds"),
            ("a == 2 || b == 6", "a int, b int", #"{"b":6}"#, "holds"),
            ("a == 2 || b == 6", "a int, b int", "{}", "unknown a b"),
            ("a == 2 && b == 6", "a int, b int", #"{"b":6}"#, "unknown a"),
            ("a == 2 && b == 6", "a int, b int", #"{"b":7}"#, "fails"),
            // An operator looks at its left operand first; what it would need besides is not asked for yet.
            ("from <= now && now < to", "now int, from int, to int", "{}", "unknown from now"),
            ("from <= now && now < to", "now int, from int, to int", #"{"from":1,"to":2}"#, "unknown now"),
            ("region in allowed", "region string, allowed list<string>", "{}", "unknown region"),
            ("region in allowed", "region string, allowed list<string>", #"{"region":"eu"}"#, "unknown allowed"),
            // What is named is the parameter: a map that is given is complete.
            ("has(attr.level) && attr['level'] > 3.0", "attr map<any>", "{}", "unknown attr"),
            ("has(attr.level) && attr['level'] > 3.0", "attr map<any>", #"{"attr":{}}"#, "fails"),
            ("has(attr.level) && attr['level'] > 3.0", "attr map<any>", #"{"attr":{"level":4}}"#, "holds"),
            ("m.foo == 42 && m.bar < 56", "m map<any>", #"{"m":{"foo":41}}"#, "fails"),
            ("m.foo == 42 && m.bar < 56", "m map<any>", #"{"m":{"foo":42,"bar":-2}}"#, "holds"),
            ("a ? b : c", "a bool, b bool, c bool", #"{"b":true,"c":true}"#, "unknown a"),
            ("a ? b : c", "a bool, b bool, c bool", #"{"a":true,"c":true}"#, "unknown b"),
            ("a ? b : c", "a bool, b bool, c bool", #"{"a":false,"c":true}"#, "holds"),
            ("!a", "a bool", "{}", "unknown a"),
            // An error is overruled by what is missing, since that may yet decide.
            ("1 / z == 1 || b", "z int, b bool", #"{"z":0}"#, "unknown b"),
            ("1 / z == 1 || b", "z int, b bool", #"{"z":0,"b":true}"#, "holds"),
            ("1 / z == b", "z int, b int", #"{"z":0}"#, "error division by zero"),
            ("b == 1 / z", "z int, b int", #"{"z":0}"#, "unknown b"),
            // Macros.
            ("[1, 2].all(x, x > a)", "a int", "{}", "unknown a"), ("[].all(x, x > a)", "a int", "{}", "holds"),
            ("[1, 2].all(x, x > 1 || a > 0)", "a int", "{}", "unknown a"),
            ("[1, 2].all(x, x > 1 && a > 0)", "a int", "{}", "fails"),
            ("[1, 2].exists(x, x == 2 || a > 0)", "a int", "{}", "holds"),
            ("xs.all(x, x > a)", "xs list<int>, a int", "{}", "unknown xs"),
            ("[1, 2].exists_one(x, x == 2 || a > 0)", "a int", "{}", "unknown a"),
            ("[1, 2].exists_one(x, x == 2 || x / a > 0)", "a int", #"{"a":0}"#, "error division by zero"),
            ("[1, 2].filter(x, x > a) == [2]", "a int", "{}", "unknown a"),
            ("[1, 2].map(x, x + a) == [2, 3]", "a int", #"{"a":1}"#, "holds"),
            ("[1, 2].map(x, x + a).size() == 2", "a int", "{}", "unknown a"),
            ("[1, 0].exists(x, 1 / x == 1)", "", "{}", "holds"), ("[0, 1].exists(x, 1 / x == 1)", "", "{}", "holds"),
            ("[a, b] == [1, 2]", "a int, b int", #"{"a":1}"#, "unknown b"),
            ("{'x': a}.x == 1", "a int", "{}", "unknown a"),
            ("{a: 1}[b] == 1", "a int, b int", #"{"a":1}"#, "unknown b"),
            ("ip.in_cidr(cidr)", "ip ipaddress, cidr string", #"{"cidr":"10.0.0.0/8"}"#, "unknown ip"),
            ("name.startsWith('adm') && name.size() < 8", "name string", "{}", "unknown name"),
        ] as [(String, String, String, String)]
    )
    func missingArguments(body: String, parameters: String, context: String, expected: String) throws {
        #expect(try outcome(body, parameters, request: context) == expected)
    }

    @Test func storedArgumentsWinOverThoseOfTheRequest() throws {
        let parameters = try parameters("limit int, count int")
        let condition = try condition("count < limit", parameters)
        let stored = try ConditionArguments.convert(
            ContextObject(parsing: #"{"limit":2}"#),
            parameters: parameters,
            unknownKeys: .refuse
        )
        let request = try ConditionArguments.convert(
            ContextObject(parsing: #"{"limit":100,"count":3,"other":1}"#),
            parameters: parameters,
            unknownKeys: .ignore
        )
        #expect(try condition.evaluate(stored: stored, request: request) == .fails)
        #expect(try condition.evaluate(stored: nil, request: request) == .holds)
        #expect(try condition.evaluate(stored: stored, request: nil) == .unknown(missing: ["count"]))
        #expect(try condition.evaluate(stored: nil, request: nil) == .unknown(missing: ["count"]))
        #expect(try condition.evaluate(stored: stored.merging(over: request), request: nil) == .fails)
        #expect(try condition.evaluate(stored: request.merging(over: stored), request: nil) == .holds)
    }

    @Test func missingNamesAreSortedAndNamedOnce() throws {
        let declared = "z bool, a bool, m bool"
        #expect(try outcome("z || a || m || z || a", declared) == "unknown a m z")
    }
}
