// Pemba: what the tests of the graph share.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import Testing

@testable import PembaGraph

/// A schema from its text.
func schema(_ source: String) throws -> CompiledSchema { try SchemaCompiler.compile(source) }

/// A tuple from its text.
func tuple(_ text: String) throws -> RelationTuple { try RelationTuple(parsing: text) }

/// A graph with a schema and tuples.
func graph(_ source: String, _ tuples: [String] = []) throws -> Graph {
    let graph = Graph(capacity: .small)
    try graph.replaceSchema(schema(source))
    for text in tuples { try graph.add(text) }
    return graph
}

extension Graph {
    /// Adds a tuple as a write does.
    func add(_ text: String) throws {
        let tuple = try RelationTuple(parsing: text)
        try validate(tuple)
        #expect(insert(tuple), "\(text) was there")
    }

    /// Removes a tuple as a write does.
    func drop(_ text: String) throws {
        let tuple = try RelationTuple(parsing: text)
        try validate(tuple)
        #expect(remove(tuple), "\(text) was not there")
    }

    /// Whether the subject has the permission, asked as relationship text.
    func has(_ text: String) throws -> Bool {
        let question = try RelationTuple(parsing: text)
        let answer = try check(question.resource, question.relation, question.subject)
        return try #require(answer as Bool?)
    }

    /// All tuples in the order of reads, page by page.
    func all(
        _ filter: RelationshipFilter = RelationshipFilter(),
        limit: Int = 1_000,
        work: Int = 1_000
    ) -> [RelationTuple] {
        var tuples: [RelationTuple] = []
        var after: RelationTuple?
        while true {
            switch read(filter, after: after, limit: limit, work: work) {
            case .again:
                continue
            case .page(let page, let next):
                #expect(page.count <= limit)
                tuples += page
                guard let next else { return tuples }
                after = next
            }
        }
    }
}

extension RelationTuple {
    /// The order of reads, field by field.
    func precedes(_ other: RelationTuple) -> Bool {
        for (left, right) in zip(fields, other.fields) where !left.hasSameBytes(as: right) {
            return left.precedesByBytes(right)
        }
        return false
    }

    private var fields: [String] {
        [resource.type, resource.id, relation, subject.object.type, subject.object.id, subject.relation ?? ""]
    }
}
