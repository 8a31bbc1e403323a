// Pemba: lookups in this process.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import PembaTooling

/// A million documents in ten thousand folders, with one user who can read ten thousand of them through groups, one who
/// can read all, and one document that ten thousand users can read through nested groups.
struct LookupBench {
    private static let folders = 10_000
    private static let documentsPerFolder = 100
    private static let schema = """
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition folder {
            relation viewer: user | group#member
            permission view = viewer
        }
        definition document {
            relation parent: folder
            relation viewer: user | group#member
            permission view = viewer + parent->view
        }
        """

    private let graph = Graph()

    init() throws {
        let schema = try SchemaFile(source: LookupBench.schema, name: "benchmark schema", folder: ".")
        try graph.replaceSchema(try schema.compiled())
        let everything = LookupBench.subject("group", "group-everything", "member")
        put("group", "group-everything", "member", LookupBench.subject("user", "user-everything0"))
        for folder in 0..<LookupBench.folders {
            let id = LookupBench.id("folder", folder)
            put("folder", id, "viewer", everything)
            for document in 0..<LookupBench.documentsPerFolder {
                let number = folder * LookupBench.documentsPerFolder + document
                put("document", LookupBench.id("document", number), "parent", LookupBench.subject("folder", id))
            }
        }
        // Ten groups with ten folders each, spread over all.
        for group in 0..<10 {
            let id = LookupBench.id("group", group)
            put("group", id, "member", LookupBench.subject("user", "user-reader00000"))
            for place in 0..<10 {
                let folder = LookupBench.id("folder", (group * 10 + place) * 97 % LookupBench.folders)
                put("folder", folder, "viewer", LookupBench.subject("group", id, "member"))
            }
        }
        putReaders()
    }

    /// Ten groups of ten groups of a hundred users, all of whom can view one document.
    private func putReaders() {
        put("document", "document-read000", "viewer", LookupBench.subject("group", "group-readers000", "member"))
        for outer in 0..<10 {
            let outerID = LookupBench.id("outer", outer)
            put("group", "group-readers000", "member", LookupBench.subject("group", outerID, "member"))
            for inner in 0..<10 {
                let innerID = LookupBench.id("inner", outer * 10 + inner)
                put("group", outerID, "member", LookupBench.subject("group", innerID, "member"))
                for user in 0..<100 {
                    let number = (outer * 10 + inner) * 100 + user
                    put("group", innerID, "member", LookupBench.subject("user", LookupBench.id("user", number)))
                }
            }
        }
    }

    private static func id(_ prefix: String, _ number: Int) -> String {
        let digits = String(number)
        return prefix + "-" + String(repeating: "0", count: max(15 - prefix.utf8.count - digits.utf8.count, 0)) + digits
    }

    private static func subject(_ type: String, _ id: String, _ relation: String? = nil) -> SubjectReference {
        SubjectReference(type: type, id: id, relation: relation)
    }

    private func put(_ type: String, _ id: String, _ relation: String, _ subject: SubjectReference) {
        let resource = ObjectReference(type: type, id: id)
        _ = graph.put(RelationTuple(resource: resource, relation: relation, subject: subject))
    }

    // MARK: Measurements

    func measure() throws -> [Figures.Row] {
        let some = try resources(of: "user-reader00000", expected: 10_000)
        let all = try resources(of: "user-everything0", expected: LookupBench.folders * LookupBench.documentsPerFolder)
        let readers = try subjects(expected: 10_000)
        return [
            Figures.Row(name: "lookup of 10,000 resources of 1,000,000", value: some.inSeconds * 1_000, unit: "ms"),
            Figures.Row(name: "lookup of 1,000,000 resources", perSecond: 1_000_000 / all.inSeconds),
            Figures.Row(
                name: "lookup of 10,000 subjects in nested groups",
                value: readers.inSeconds * 1_000,
                unit: "ms"
            ),
        ]
    }

    /// The shortest of a few lookups.
    private func resources(of user: String, expected: Int) throws -> Duration {
        let request = LookupResourcesRequest(
            permissions: [TypePermission(type: "document", permission: "view")],
            subject: LookupBench.subject("user", user)
        )
        return try best {
            let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request)
            while try !lookup.run() {}
            var bytes = 0
            let count = lookup.nextBatch(.max) { _, id, _ in bytes += id.count }
            guard count == expected, bytes == count * 16 else { throw ToolError("lookup of resources: \(count) found") }
        }
    }

    private func subjects(expected: Int) throws -> Duration {
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "document", id: "document-read000"),
            permissions: ["view"],
            kinds: [SubjectKind(type: "user")]
        )
        return try best {
            let lookup = try SubjectLookup(graph: graph, basis: graph.presentBasis, request: request)
            while try !lookup.run() {}
            guard lookup.resultCount == expected else {
                throw ToolError("lookup of subjects: \(lookup.resultCount) found")
            }
        }
    }

    private func best(_ body: () throws -> Void) rethrows -> Duration {
        var best = Duration.seconds(60)
        for _ in 0..<5 {
            let begin = ContinuousClock.now
            try body()
            best = min(best, ContinuousClock.now - begin)
        }
        return best
    }
}
