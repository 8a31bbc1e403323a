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
    /// The assertions of a validation file.
    private func expectations(of validation: ValidationText) -> [(text: String, answer: Permissionship)] {
        var answer = Permissionship.noPermission
        return validation.assertions.compactMap { line in
            if line.hasPrefix("assertTrue:") { answer = .hasPermission }
            if line.hasPrefix("assertFalse:") { answer = .noPermission }
            if line.hasPrefix("assertCaveated:") { answer = .conditional }
            guard line.hasPrefix("- ") else { return nil }
            return (line.dropFirst(2).trimmingCharacters(in: ["\"", "'", " "]), answer)
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

    private func graph(of validation: ValidationText) throws -> Graph {
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
            let validation = try ValidationText(contentsOf: url)
            let expectations = expectations(of: validation)
            let graph = try graph(of: validation)
            for (text, expected) in expectations {
                #expect(try decide(graph, text).permissionship == expected, "\(url.lastPathComponent): \(text)")
            }
            held += expectations.count
        }
        #expect(held > 300, "only \(held) assertions were read")
    }

    @Test("every assertion of the random schemas holds, and the conditional ones lack what the oracle says")
    func oracle() throws {
        var held = 0
        var conditional = 0
        for url in Conformance.files(in: "oracle", suffix: ".yaml") {
            let validation = try ValidationText(contentsOf: url)
            let expectations = expectations(of: validation)
            let graph = try graph(of: validation)
            let lookups = url.deletingPathExtension().appendingPathExtension("lookups.json")
            let oracle = try JSONDecoder().decode(Oracle.self, from: Data(contentsOf: lookups))
            for (text, expected) in expectations {
                let decision = try decide(graph, text)
                #expect(decision.permissionship == expected, "\(url.lastPathComponent): \(text)")
                guard let missing = oracle.missing[text] else { continue }
                conditional += 1
                #expect(Set(decision.missingContext) == Set(missing), "\(url.lastPathComponent): \(text)")
            }
            held += expectations.count
        }
        #expect(held > 14_000 && conditional > 0, "only \(held) assertions were read, \(conditional) conditional ones")
    }
}
