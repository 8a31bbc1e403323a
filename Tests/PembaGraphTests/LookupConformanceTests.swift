// Pemba: SpiceDB's lookups in process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Conformance of lookups", .enabled(if: Conformance.isAvailable))
struct LookupConformanceTests {
    /// The lookups of one random schema, as the oracle answered them.
    private struct Answers: Decodable {
        struct Resources: Decodable {
            let resourceType: String
            let permission: String
            let subject: String
            let context: JSON
            let has: [String]
            let conditional: [String]

            enum CodingKeys: String, CodingKey {
                case resourceType = "resource_type"
                case permission, subject, context, has, conditional
            }
        }
        struct Subjects: Decodable {
            let resource: String
            let permission: String
            let subjectType: String
            let context: JSON
            let has: [String]
            let conditional: [String]
            let excludedFromWildcard: [String: JSON]

            enum CodingKeys: String, CodingKey {
                case subjectType = "subject_type"
                case excludedFromWildcard = "excluded_from_wildcard"
                case resource, permission, context, has, conditional
            }
        }
        let lookupResources: [Resources]
        let lookupSubjects: [Subjects]
        let contradictions: [JSON]

        enum CodingKeys: String, CodingKey {
            case lookupResources = "lookup_resources"
            case lookupSubjects = "lookup_subjects"
            case contradictions
        }
    }

    /// A graph with the schema and relationships of a validation file.
    private func load(_ url: URL) throws -> Graph {
        let validation = try ValidationText(contentsOf: url)
        let graph = Graph(capacity: .small)
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1_800_000_000_000_000_000))
        try graph.replaceSchema(schema(validation.schema))
        for text in validation.relationships {
            // Nanoseconds do not reach as far as the year that stands for never.
            let tuple = try RelationTuple(parsing: text.replacing("2299-", with: "2199-"))
            try graph.validate(tuple)
            _ = graph.put(tuple)
        }
        return graph
    }

    private func object(_ text: String) throws -> ObjectReference {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        return ObjectReference(type: try #require(parts.first), id: try #require(parts.last))
    }

    @Test("every lookup of the random schemas")
    func oracle() throws {
        var resources = 0
        var subjects = 0
        for url in Conformance.files(in: "oracle", suffix: ".lookups.json") {
            let answers = try JSONDecoder().decode(Answers.self, from: Data(contentsOf: url))
            let name = url.lastPathComponent
            let graph = try load(URL(fileURLWithPath: url.path.replacing(".lookups.json", with: ".yaml")))
            for lookup in answers.lookupResources {
                try hold(lookup, graph, name, answers.contradictions)
                resources += 1
            }
            for lookup in answers.lookupSubjects {
                try hold(lookup, graph, name, answers.contradictions)
                subjects += 1
            }
        }
        #expect(resources > 2_000 && subjects > 1_400)
    }

    private func hold(
        _ lookup: Answers.Resources,
        _ graph: Graph,
        _ name: String,
        _ contradictions: [JSON]
    ) throws {
        let found = try graph.lookupResources(
            LookupResourcesRequest(
                permissions: [TypePermission(type: lookup.resourceType, permission: lookup.permission)],
                subject: SubjectReference(object: try object(lookup.subject)),
                context: EvaluationContext(values: try lookup.context.object)
            )
        )
        let has = found.filter { $0.decision == .has }.map(\.id)
        let conditional = found.filter { $0.decision != .has }.map(\.id)
        let question = [lookup.resourceType, lookup.permission, lookup.subject]
        let disputed = disputed(contradictions, question, lookup.context)
        #expect(
            Set(has).symmetricDifference(lookup.has).isSubset(of: disputed)
                && Set(conditional).symmetricDifference(lookup.conditional).isSubset(of: disputed),
            "\(name) \(lookup) gave \(found)"
        )
    }

    private func hold(
        _ lookup: Answers.Subjects,
        _ graph: Graph,
        _ name: String,
        _ contradictions: [JSON]
    ) throws {
        let found = try graph.lookupSubjects(
            LookupSubjectsRequest(
                resource: try object(lookup.resource),
                permissions: [lookup.permission],
                kinds: [SubjectKind(type: lookup.subjectType)],
                context: EvaluationContext(values: try lookup.context.object)
            )
        )
        let has = found.filter { $0.decision == .has }.map(\.id)
        let conditional = found.filter { $0.decision != .has }.map(\.id)
        let excluded = found.flatMap(\.excluded).map(\.id)
        var disputed = disputed(contradictions, [lookup.resource, lookup.permission], lookup.context)
        // Upstream lists the condition of a subject's own tuple even if the wildcard gives the permission anyway.
        if lookup.has.contains("*") {
            for id in lookup.conditional where id != "*" {
                let item = CheckItem(
                    resource: try object(lookup.resource),
                    permission: lookup.permission,
                    subject: SubjectReference(type: lookup.subjectType, id: id),
                    context: try lookup.context.object
                )
                if try graph.check(item) == .has { disputed.insert(id) }
            }
        }
        #expect(
            Set(has).symmetricDifference(lookup.has).isSubset(of: disputed)
                && Set(conditional).symmetricDifference(lookup.conditional).isSubset(of: disputed)
                && Set(excluded).symmetricDifference(lookup.excludedFromWildcard.keys).isSubset(of: disputed),
            "\(name) \(lookup) gave \(found)"
        )
    }

    /// The ids for which the oracle's lookup differs from its own check; there ours equals the check.
    private func disputed(_ contradictions: [JSON], _ question: [String], _ context: JSON) -> Set<String> {
        var disputed: Set<String> = []
        for contradiction in contradictions {
            guard case .object(let members) = contradiction,
                case .list(let asked)? = members["lookup_resources"] ?? members["lookup_subjects"],
                case .list(let ids)? = members["differs_from_check"], asked == question.map({ .text($0) }) + [context]
            else { continue }
            for case .text(let id) in ids { disputed.insert(id) }
        }
        return disputed
    }

    /// The other 23 operations are done by `SteelthreadTests` of the replica.
    @Test("every lookup of the end-to-end data")
    func steelthread() throws {
        var held = 0
        for scenario in try Steelthread.scenarios() {
            let lookups = scenario.operations.filter { $0.operationName.lowercased().contains("lookup") }
            guard !lookups.isEmpty else { continue }
            let graph = try load(Steelthread.data(scenario.datafile))
            for lookup in lookups {
                // Upstream repeats some items over pages, ours come once.
                try hold(lookup, Set(Steelthread.pages(lookup).joined()), graph)
                held += 1
            }
        }
        #expect(held == 25)
    }

    private func hold(_ lookup: Steelthread.Operation, _ expected: Set<String>, _ graph: Graph) throws {
        func argument(_ name: String) throws -> String { try #require(lookup.arguments.member(name)) }
        let permission = try argument("permission")
        let type = try argument("resource_type")
        if lookup.operationName == "lookupSubjects" {
            let request = LookupSubjectsRequest(
                resource: ObjectReference(type: type, id: try argument("resource_object_id")),
                permissions: [permission],
                kinds: [SubjectKind(type: try argument("subject_type"))]
            )
            let found = try graph.lookupSubjects(request).map { subject in
                let excluded = subject.excluded.map(\.id).sorted()
                return excluded.isEmpty ? subject.id : "\(subject.id) - [\(excluded.joined(separator: ", "))]"
            }
            #expect(found.count == Set(found).count && Set(found) == expected, "\(lookup.resultsFileName)")
        } else {
            let request = LookupResourcesRequest(
                permissions: [TypePermission(type: type, permission: permission)],
                subject: SubjectReference(
                    type: try argument("subject_type"),
                    id: try argument("subject_object_id")
                )
            )
            let size = lookup.arguments.member("page_size").flatMap { Int($0) }
            let found =
                try size.map { try graph.pages(request, of: $0, slice: 1_000) } ?? graph.lookupResources(request)
            #expect(found.count == Set(found.map(\.id)).count, "\(lookup.resultsFileName)")
            #expect(Set(found.map(\.id)) == expected, "\(lookup.resultsFileName)")
        }
    }
}
