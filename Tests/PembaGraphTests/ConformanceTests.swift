// Pemba: SpiceDB's integration files in process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Conformance", .enabled(if: Conformance.isAvailable))
struct ConformanceTests {
    /// The parts of a validation file: just enough YAML for these files.
    struct Validation {
        var schema = ""
        var relationships: [String] = []
        var expectations: [(text: String, answer: Bool)] = []

        init(_ text: String) {
            var section = ""
            var answer: Bool?
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                if let first = line.first, first != " ", first != "\t", first != "#",
                    let colon = line.firstIndex(of: ":")
                {
                    section = String(line[..<colon])
                    continue
                }
                let trimmed = line.trimmingCharacters(in: .whitespaces)
                switch section {
                case "schema":
                    schema += line + "\n"
                case "relationships":
                    if !trimmed.isEmpty, !trimmed.hasPrefix("//") { relationships.append(trimmed) }
                case "assertions":
                    if trimmed.hasPrefix("assertTrue:") { answer = true }
                    if trimmed.hasPrefix("assertFalse:") { answer = false }
                    if trimmed.hasPrefix("assertCaveated:") { answer = nil }
                    guard trimmed.hasPrefix("- "), let answer else { continue }
                    expectations.append((trimmed.dropFirst(2).trimmingCharacters(in: ["\"", "'", " "]), answer))
                default: continue
                }
            }
        }

        /// Whether it uses what the graph does not have yet.
        var usesConditions: Bool {
            schema.contains("caveat ") || schema.contains("with expiration")
                || relationships.contains { $0.hasSuffix("]") }
                || schema.contains("use ")
        }
    }

    private func hold(_ validation: Validation, _ name: String) throws {
        let graph = Graph(capacity: .small)
        try graph.replaceSchema(schema(validation.schema))
        for text in validation.relationships {
            let tuple = try RelationTuple(parsing: text)
            try graph.validate(tuple)
            _ = graph.insert(tuple)
        }
        for (text, expected) in validation.expectations {
            let question = text.split(separator: " with ")[0]
            #expect(try graph.has(String(question)) == expected, "\(name): \(text)")
        }
    }

    @Test("every assertion of the files without conditions holds")
    func testconfigs() throws {
        var held = 0
        for url in Conformance.files(in: "spicedb/testconfigs", suffix: ".yaml") {
            let validation = Validation(try String(contentsOf: url, encoding: .utf8))
            if validation.usesConditions { continue }
            try hold(validation, url.lastPathComponent)
            held += validation.expectations.count
        }
        #expect(held > 200, "only \(held) assertions were read")
    }

    @Test("every assertion of the random schemas without conditions holds")
    func oracle() throws {
        var held = 0
        for url in Conformance.files(in: "oracle", suffix: ".yaml") {
            let validation = Validation(try String(contentsOf: url, encoding: .utf8))
            if validation.usesConditions { continue }
            try hold(validation, url.lastPathComponent)
            held += validation.expectations.count
        }
        #expect(held > 0, "no assertion was read")
    }
}
