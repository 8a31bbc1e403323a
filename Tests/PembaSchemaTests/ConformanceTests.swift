// Pemba: schemas that others wrote and SpiceDB judged.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import Testing

@testable import PembaSchema

/// Accepted and refused like SpiceDB, for the same reason and in the same place.
@Suite(.enabled(if: Conformance.isAvailable))
struct ConformanceTests {
    /// What the parser alone says, as upstream's fixtures record the parser alone.
    private func parse(_ source: String) -> [Diagnostic] {
        let text = SourceText(source)
        var collector = DiagnosticCollector()
        _ = SchemaParser.parse(text, into: &collector)
        return collector.diagnostics(in: text).filter { $0.severity == .error }
    }

    @Test func parserFixturesAreAcceptedAndRefusedAlike() throws {
        let files = Conformance.files(in: "spicedb/parser", suffix: ".zed")
        for file in files {
            let source = try String(contentsOf: file, encoding: .utf8)
            let expected = try String(contentsOf: file.appendingPathExtension("expected"), encoding: .utf8)
            #expect(
                parse(source).first?.range.start.offset == firstError(in: expected),
                "\(file.lastPathComponent): \(parse(source).map { $0.rendered(file: "") })"
            )
        }
        #expect(files.count == 65)
    }

    /// The start of the first error node in a recorded tree.
    private func firstError(in tree: String) -> Int? {
        var isError = false
        for line in tree.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "NodeTypeError" { isError = true }
            if isError, words.first == "start-rune", let start = words.last { return Int(start) }
        }
        return nil
    }

    private struct Judgement: Decodable {
        let kind: String
        let schema: String
        let accepted: Bool
        let reason: String?
    }

    private static let codes: [String: DiagnosticCode] = [
        "badtype": .unknownParameterType, "brace": .unclosedDefinition, "cel_type": .conditionTypeMismatch,
        "dup_def": .duplicateDefinition, "dup_rel": .duplicateRelation, "dup_type": .duplicateType,
        "empty_perm": .expectedExpression, "exp_noflag": .unknownCaveat, "exp_order": .expectedEnd,
        "func_unknown": .unknownArrowFunction, "leading_op": .expectedMember, "nested_arrow": .nestedArrow,
        "no_types": .expectedName, "nonbool": .conditionNotBoolean, "perm_cycle": .permissionCycle,
        "perm_left_arrow": .permissionLeftOfArrow, "rel_perm_same": .duplicateRelation, "short": .invalidName,
        "unknown_caveat": .unknownCaveat, "unknown_param": .conditionUnknownName, "unknown_rel": .unknownRelation,
        "unknown_subrel": .unknownRelation, "unknown_type": .unknownDefinition, "unused_param": .unusedParameter,
        "upper": .invalidName, "use_late": .misplacedUse, "use_unknown": .unknownUseFlag,
    ]

    @Test func judgedSchemasAreAcceptedAndRefusedAlike() throws {
        let file = try #require(Conformance.folder).appendingPathComponent("oracle/schemas.json")
        let judgements = try JSONDecoder().decode([Judgement].self, from: Data(contentsOf: file))
        for (number, judgement) in judgements.enumerated() {
            let errors = SchemaCompiler.analyze(judgement.schema).diagnostics.filter { $0.severity == .error }
            let rendered = errors.map { $0.rendered(file: "") }
            let name = "schema \(number), \(judgement.kind)"
            guard !judgement.accepted else {
                #expect(errors.isEmpty, "\(name): \(rendered)")
                continue
            }
            // Upstream stops at its first error; ours are all of them, and that one is among them.
            let code = try #require(ConformanceTests.codes[judgement.kind], "\(name)")
            let found = errors.filter { $0.code == code }.map(\.range.start)
            #expect(!found.isEmpty && errors.count <= 2, "\(name): \(rendered)")
            guard let reason = judgement.reason, let place = reason.firstMatch(of: /line (\d+), column (\d+)/) else {
                continue
            }
            // For conditions upstream also names the place inside, which is where ours stand.
            let inner = reason.firstMatch(of: /ERROR: \w+:(\d+):(\d+):/)
            let isThere = found.contains {
                ($0.line == Int(place.1) && $0.column == Int(place.2))
                    || ($0.line == inner.flatMap { Int($0.1) } && $0.column == inner.flatMap { Int($0.2) })
            }
            #expect(isThere, "\(name): \(rendered)")
        }
        #expect(judgements.count == 105)
    }

    @Test(arguments: [("spicedb/testconfigs", 52), ("oracle", 150), ("spicedb/steelthread/testdata", 10)])
    func schemasOfValidationFilesCompile(folder: String, countExpected: Int) throws {
        var count = 0
        for file in Conformance.files(in: folder, suffix: ".yaml") {
            guard let source = ConformanceTests.schemaBlock(of: try String(contentsOf: file, encoding: .utf8)) else {
                continue
            }
            count += 1
            let analysis = SchemaCompiler.analyze(source)
            let errors = analysis.diagnostics.filter { $0.severity == .error }
            #expect(analysis.schema != nil, "\(file.lastPathComponent): \(errors.map { $0.rendered(file: "") })")
        }
        #expect(count == countExpected)
    }

    /// Every schema in the data, whoever accepts it.
    static func schemas() throws -> [String] {
        let file = try #require(Conformance.folder).appendingPathComponent("oracle/schemas.json")
        var schemas = try JSONDecoder().decode([Judgement].self, from: Data(contentsOf: file)).map(\.schema)
        for file in Conformance.files(in: "spicedb/parser", suffix: ".zed") {
            schemas.append(try String(contentsOf: file, encoding: .utf8))
        }
        for folder in ["spicedb/testconfigs", "oracle", "spicedb/steelthread/testdata"] {
            for file in Conformance.files(in: folder, suffix: ".yaml") {
                if let schema = schemaBlock(of: try String(contentsOf: file, encoding: .utf8)) {
                    schemas.append(schema)
                }
            }
        }
        return schemas
    }

    /// The block of text under the key `schema` of a YAML file, without its indentation, folded where it is `>`.
    private static func schemaBlock(of yaml: String) -> String? {
        let lines = yaml.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0.wholeMatch(of: /schema:\s*[|>]\d?[+-]?\s*/) != nil }) else {
            return nil
        }
        let block = lines[(start + 1)...].prefix { $0.isEmpty || $0.hasPrefix(" ") }
        let indentation = block.first { !$0.allSatisfy { $0 == " " } }?.prefix { $0 == " " }.count ?? 0
        let texts = block.map { $0.dropFirst(indentation) }
        guard lines[start].contains(">"), let first = texts.first else { return texts.joined(separator: "\n") + "\n" }
        var folded = String(first)
        for (previous, text) in zip(texts, texts.dropFirst()) {
            let isFolded = [previous, text].allSatisfy { !$0.isEmpty && !$0.hasPrefix(" ") }
            folded += (isFolded ? " " : "\n") + text
        }
        return folded + "\n"
    }
}
