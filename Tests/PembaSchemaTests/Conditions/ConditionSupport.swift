// Pemba: what the tests of conditions share.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@testable import PembaSchema

/// Reads parameters as a schema writes them: `a int, m map<any>`.
func parameters(_ text: String) throws -> [ConditionParameter] {
    try text.split(separator: ",").map { part in
        let words = part.split(separator: " ")
        return ConditionParameter(name: String(words[0]), type: try type(String(words[1])))
    }
}

/// Reads a type as a schema writes it.
func type(_ text: String) throws -> ConditionType {
    guard let bracket = text.firstIndex(of: "<") else {
        return try #require(ConditionType(name: text, arguments: []), "\(text)")
    }
    let argument = try type(String(text[text.index(after: bracket)...].dropLast()))
    return try #require(ConditionType(name: String(text[..<bracket]), arguments: [argument]), "\(text)")
}

/// Compiles a condition that is right.
func condition(_ body: String, _ parameters: [ConditionParameter]) throws -> CompiledCondition {
    switch ConditionCompiler.compile(body, parameters: parameters) {
    case .success(let condition): return condition
    case .failure(let problems):
        let all = problems.all.map { "\($0.kind) at \($0.range): \($0.message)" }
        throw UnexpectedProblems(description: "\(body): \(all)")
    }
}

struct UnexpectedProblems: Error, CustomStringConvertible {
    let description: String
}

/// What a condition comes to, as one word: `holds`, `fails`, `unknown a b`, or `error` with its text.
func outcome(
    _ body: String,
    _ declared: String = "",
    request: String = "{}",
    stored: String? = nil
) throws -> String {
    let parameters = try parameters(declared)
    let condition = try condition(body, parameters)
    let given = try ConditionArguments.convert(
        ContextObject(parsing: request),
        parameters: parameters,
        unknownKeys: .ignore
    )
    let kept = try stored.map {
        try ConditionArguments.convert(ContextObject(parsing: $0), parameters: parameters, unknownKeys: .refuse)
    }
    return word(condition, stored: kept, request: given)
}

/// The same for arguments that have been converted.
func word(_ condition: CompiledCondition, stored: ConditionArguments?, request: ConditionArguments?) -> String {
    do {
        switch try condition.evaluate(stored: stored, request: request) {
        case .holds: return "holds"
        case .fails: return "fails"
        case .unknown(let missing): return "unknown " + missing.joined(separator: " ")
        }
    } catch {
        return "error \(error)"
    }
}

/// The problems of a condition that is wrong, each as its kind and place.
func refusals(_ body: String, _ declared: String = "") throws -> [String] {
    switch ConditionCompiler.compile(body, parameters: try parameters(declared)) {
    case .success: return []
    case .failure(let problems):
        return problems.all.map { "\($0.kind) \($0.range.lowerBound)..<\($0.range.upperBound)" }
    }
}
