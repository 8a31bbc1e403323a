// Pemba: schemas that others wrote and SpiceDB judged.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import Testing

@testable import PembaSchema

/// Accepted and refused like SpiceDB, as far as schemas use what this version supports.
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
        var judged = 0
        for file in Conformance.files(in: "spicedb/parser", suffix: ".zed") {
            let source = try String(contentsOf: file, encoding: .utf8)
            let expected = try String(contentsOf: file.appendingPathExtension("expected"), encoding: .utf8)
            let diagnostics = parse(source)
            if diagnostics.contains(where: { $0.code == .unsupportedFeature }) { continue }
            judged += 1
            #expect(diagnostics.first?.range.start.offset == firstError(in: expected), "\(file.lastPathComponent)")
        }
        #expect(judged == 37)
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

    @Test func judgedSchemasAreAcceptedAndRefusedAlike() throws {
        let file = try #require(Conformance.folder).appendingPathComponent("oracle/schemas.json")
        let codes: [String: DiagnosticCode] = [
            "brace": .unclosedDefinition, "dup_def": .duplicateDefinition, "dup_rel": .duplicateRelation,
            "dup_type": .duplicateType, "empty_perm": .expectedExpression, "func_unknown": .unknownArrowFunction,
            "leading_op": .expectedMember, "nested_arrow": .nestedArrow, "no_types": .expectedName,
            "perm_cycle": .permissionCycle, "perm_left_arrow": .permissionLeftOfArrow,
            "rel_perm_same": .duplicateRelation, "short": .invalidName, "unknown_rel": .unknownRelation,
            "unknown_subrel": .unknownRelation, "unknown_type": .unknownDefinition, "upper": .invalidName,
            "use_late": .misplacedUse, "use_unknown": .unknownUseFlag,
        ]
        var judged = 0
        for (number, judgement) in try JSONDecoder().decode([Judgement].self, from: Data(contentsOf: file)).enumerated()
        {
            let analysis = SchemaCompiler.analyze(judgement.schema)
            let all = analysis.diagnostics.filter { $0.severity == .error }
            let errors = all.filter { $0.code != .unsupportedFeature }
            let name = "schema \(number), \(judgement.kind)"
            if judgement.accepted {
                #expect(errors.isEmpty, "\(name): \(errors.map { $0.rendered(file: "") })")
                if all.isEmpty { judged += 1 }
            } else if let code = codes[judgement.kind], judgement.reason?.contains(" with ") == false {
                // Upstream stops at its first error; ours are all of them, and that one is among them.
                let found = errors.filter { $0.code == code }.map(\.range.start)
                #expect(!found.isEmpty && errors.count <= 2, "\(name): \(errors.map { $0.rendered(file: "") })")
                judged += 1
                guard let place = judgement.reason?.firstMatch(of: /line (\d+), column (\d+)/) else { continue }
                let isThere = found.contains { $0.line == Int(place.1) && $0.column == Int(place.2) }
                #expect(isThere, "\(name): \(found)")
            } else {
                // What is wrong with it is inside what this version does not support.
                #expect(all.contains { $0.code == .unsupportedFeature }, "\(name)")
            }
        }
        #expect(judged == 64)
    }

    @Test(arguments: [("spicedb/testconfigs", 37), ("oracle", 46), ("spicedb/steelthread/testdata", 7)])
    func schemasOfValidationFilesCompile(folder: String, countExpected: Int) throws {
        var count = 0
        for file in Conformance.files(in: folder, suffix: ".yaml") {
            guard let source = schemaBlock(of: try String(contentsOf: file, encoding: .utf8)) else { continue }
            let analysis = SchemaCompiler.analyze(source)
            let errors = analysis.diagnostics.filter { $0.severity == .error }
            if errors.contains(where: { $0.code == .unsupportedFeature }) {
                // What is there is the features; nothing else may be found wrong around them.
                #expect(errors.allSatisfy { $0.code == .unsupportedFeature }, "\(file.lastPathComponent): \(errors)")
                #expect(source.contains("caveat ") || source.contains("use "), "\(file.lastPathComponent)")
                continue
            }
            count += 1
            #expect(analysis.schema != nil, "\(file.lastPathComponent): \(errors.map { $0.rendered(file: "") })")
        }
        #expect(count == countExpected)
    }

    /// The block of text under the key `schema` of a YAML file, without its indentation, folded where it is `>`.
    private func schemaBlock(of yaml: String) -> String? {
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
