// Pemba: SpiceDB's integration files in process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Conformance", .enabled(if: Conformance.isAvailable))
struct ConformanceTests {
    /// The parts of a validation file: just enough YAML for these files.
    struct Validation {
        var schema = ""
        var relationships: [String] = []
        var expectations: [(text: String, answer: Permissionship)] = []

        init(_ text: String) {
            var section = ""
            var answer = Permissionship.noPermission
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
                    if trimmed.hasPrefix("assertTrue:") { answer = .hasPermission }
                    if trimmed.hasPrefix("assertFalse:") { answer = .noPermission }
                    if trimmed.hasPrefix("assertCaveated:") { answer = .conditional }
                    guard trimmed.hasPrefix("- ") else { continue }
                    expectations.append((trimmed.dropFirst(2).trimmingCharacters(in: ["\"", "'", " "]), answer))
                default: continue
                }
            }
        }
    }

    /// The lists of an oracle's file that the checks need.
    private struct Oracle: Decodable {
        /// What each conditional check lacks, by its text.
        var missing: [String: [String]]

        enum CodingKeys: String, CodingKey { case missing = "missing_context" }
    }

    /// After everything that has expired in the files, before everything that has not.
    private static let now = Timestamp(nanoseconds: 1_800_000_000_000_000_000)

    /// A relationship with an expiry that nanoseconds since 1970 can count: the files have some after the year 2262.
    private static func withinReach(_ text: String) -> String {
        text.replacingOccurrences(of: "[expiration:2299", with: "[expiration:2199")
            .replacingOccurrences(of: "[expiration:23", with: "[expiration:22")
    }

    private func graph(of validation: Validation) throws -> Graph {
        let graph = Graph(capacity: .small)
        graph.restart(at: .zero, time: Self.now)
        try graph.replaceSchema(schema(validation.schema))
        for text in validation.relationships {
            let tuple = try RelationTuple(parsing: Self.withinReach(text))
            try graph.validate(tuple)
            graph.put(tuple)
        }
        return graph
    }

    /// The answer to an assertion: a relationship, perhaps followed by ` with` and a context.
    private func decide(_ graph: Graph, _ text: String) throws -> Decision {
        let parts = text.split(separator: " with ", maxSplits: 1)
        let question = try tuple(String(parts[0]))
        let item = CheckItem(
            resource: question.resource,
            permission: question.relation,
            subject: question.subject,
            context: parts.count > 1 ? try ContextObject(parsing: String(parts[1])) : .empty
        )
        return try graph.check(item)
    }

    @Test("every assertion of the integration files holds")
    func testconfigs() throws {
        var held = 0
        for url in Conformance.files(in: "spicedb/testconfigs", suffix: ".yaml") {
            let validation = Validation(try String(contentsOf: url, encoding: .utf8))
            let graph = try graph(of: validation)
            for (text, expected) in validation.expectations {
                #expect(try decide(graph, text).permissionship == expected, "\(url.lastPathComponent): \(text)")
            }
            held += validation.expectations.count
        }
        #expect(held > 300, "only \(held) assertions were read")
    }

    @Test("every assertion of the random schemas holds, and the conditional ones lack what the oracle says")
    func oracle() throws {
        var held = 0
        var conditional = 0
        for url in Conformance.files(in: "oracle", suffix: ".yaml") {
            let validation = Validation(try String(contentsOf: url, encoding: .utf8))
            let graph = try graph(of: validation)
            let lookups = url.deletingPathExtension().appendingPathExtension("lookups.json")
            let oracle = try JSONDecoder().decode(Oracle.self, from: Data(contentsOf: lookups))
            for (text, expected) in validation.expectations {
                let decision = try decide(graph, text)
                #expect(decision.permissionship == expected, "\(url.lastPathComponent): \(text)")
                guard let missing = oracle.missing[text] else { continue }
                conditional += 1
                #expect(Set(decision.missingContext) == Set(missing), "\(url.lastPathComponent): \(text)")
            }
            held += validation.expectations.count
        }
        #expect(held > 14_000 && conditional > 0, "only \(held) assertions were read, \(conditional) conditional ones")
    }
}
