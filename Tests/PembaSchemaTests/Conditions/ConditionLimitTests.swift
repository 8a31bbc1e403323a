// Pemba: conditions at and beyond every limit.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

struct ConditionLimitTests {
    @Test func bytes() throws {
        let room = Limits.caveatExpressionBytes - "true".utf8.count
        #expect(try refusals("true" + String(repeating: " ", count: room)) == [])
        let beyond = try refusals("true" + String(repeating: " ", count: room + 1))
        #expect(beyond.count == 1 && beyond[0].hasPrefix("tooLarge"))
    }

    @Test func parameterCount() throws {
        func declared(_ count: Int) -> String { (0..<count).map { "p\($0) bool" }.joined(separator: ", ") }
        func body(_ count: Int) -> String { (0..<count).map { "p\($0)" }.joined(separator: " || ") }
        let most = Limits.caveatParameters
        #expect(try refusals(body(most), declared(most)) == [])
        #expect(try outcome(body(most), declared(most)).split(separator: " ").count == most + 1)
        #expect(try refusals(body(most + 1), declared(most + 1)) == ["tooLarge 0..<0"])
    }

    @Test(
        arguments: [
            ("(", ")"), ("!(", ")"), ("[", "] == []"), ("{1: ", "}"), ("f(", ")"), ("a[", "]"), ("true ? true : ", ""),
            ("!", ""),
            ("- ", ""), ("1 + (", ")"), ("[1].all(x, ", ")"), ("true && (false || ", ")"), ("a.", ""), ("1 + ", ""),
            ("a.?", ""), ("a[?", "]"), ("[?", "] == []"), ("{?1: ", "}"), ("optional.of(", ")"), ("a.optMap(x, ", ")"),
            ("1 < ", ""),
        ] as [(String, String)]
    )
    func depth(open: String, close: String) throws {
        for count in [Limits.expressionDepth + 1, 20_000] {
            let body = String(repeating: open, count: count) + "true" + String(repeating: close, count: count)
            guard body.utf8.count <= Limits.caveatExpressionBytes else { continue }
            let found = try refusals(body, "a any")
            #expect(found.count == 1 && found[0].hasPrefix("tooDeep"), "\(open): \(found)")
        }
    }

    @Test func chainsOfOneOperatorAreOneLevel() throws {
        for mark in [" && ", " || "] {
            #expect(try outcome(Array(repeating: "true", count: 10_000).joined(separator: mark)) == "holds")
        }
        #expect(try outcome(Array(repeating: "1", count: 200).joined(separator: " + ") + " == 200") == "holds")
    }

    @Test func cost() throws {
        let parameters = try parameters("xs list<int>")
        let list = "[" + Array(repeating: "1", count: 1_000).joined(separator: ",") + "]"
        let arguments = try ConditionArguments.convert(
            ContextObject(parsing: #"{"xs":\#(list)}"#),
            parameters: parameters,
            unknownKeys: .refuse
        )
        let linear = try condition("xs.all(x, x > 0)", parameters)
        #expect(try linear.evaluate(stored: arguments, request: nil) == .holds)
        #expect(throws: ConditionError.costExceeded(limit: 100)) {
            try linear.evaluate(stored: arguments, request: nil, costLimit: 100)
        }
        // What absorbs errors does not absorb this one.
        let square = try condition("true || xs.all(x, xs.all(y, x == y))", parameters)
        #expect(try square.evaluate(stored: arguments, request: nil) == .holds)
        for body in [
            "xs.all(x, xs.all(y, x == y)) || true", "xs.exists(x, xs.map(y, y + x) == xs) || true",
            "xs.all(x, optional.of(xs).optMap(y, xs.exists(z, z > x)).orValue(true) || x > 0) || true",
        ] {
            let square = try condition(body, parameters)
            #expect(throws: ConditionError.costExceeded(limit: Limits.conditionCost)) {
                try square.evaluate(stored: arguments, request: nil)
            }
        }
    }

    @Test(arguments: [
        "a + a + a + a == b", "a.contains(b)", "a == b", "a < b", "a.matches('(x|xx){100}y')", "a.matches(b)",
        "a.size() > 0 && b == b",
        "bytes(a) == bytes(b)", "a.startsWith(b)", "a.endsWith(b)", "[a, b] == [b, a]",
        "optional.of(a) == optional.of(b)", "optional.of(a).optMap(x, x + b).hasValue()",
    ])
    func longTextsCost(operation: String) throws {
        let parameters = try parameters("a string, b string")
        let context = ContextObject([
            ("a", .string(String(repeating: "x", count: 1 << 20))),
            ("b", .string(String(repeating: "x", count: 1 << 20))),
        ])
        let arguments = try ConditionArguments.convert(context, parameters: parameters, unknownKeys: .refuse)
        let condition = try condition("(\(operation)) || a != b", parameters)
        #expect(throws: (any Error).self) {
            try condition.evaluate(stored: arguments, request: nil, costLimit: 1_000)
        }
    }

    @Test func patternsTogether() throws {
        let one = "a.matches('x{1000}')"
        #expect(try refusals(one, "a string") == [])
        let found = try refusals(Array(repeating: one, count: 1_000).joined(separator: " || "), "a string")
        #expect(!found.isEmpty && found.allSatisfy { $0.hasPrefix("tooLarge") })
    }
}
