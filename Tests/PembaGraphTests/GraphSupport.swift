// Pemba: what the tests of the graph share.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
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
    /// Adds a valid tuple; false if it was there.
    func insert(_ tuple: RelationTuple) -> Bool { put(tuple) == .created }

    /// Whether a tuple with the same two ends is stored.
    func contains(_ tuple: RelationTuple) -> Bool { stored(tuple) != nil }

    /// Whether the subject has the permission; nil if that takes more than the budget.
    func check(
        _ resource: ObjectReference,
        _ permission: String,
        _ subject: SubjectReference,
        budget: Int = Limits.evaluationVisits
    ) throws -> Bool? {
        do {
            let item = CheckItem(resource: resource, permission: permission, subject: subject)
            return try check(item, budget: budget).permissionship == .hasPermission
        } catch GraphError.budgetExceeded {
            return nil
        }
    }

    /// Evaluates a check `slice` visits at a time.
    func answer(_ item: CheckItem, in basis: Basis? = nil, slice: Int) throws -> Decision {
        let basis = basis ?? presentBasis
        let question = RelationTuple(resource: item.resource, relation: item.permission, subject: item.subject)
        let check = try question.withView { view throws(GraphError) in try resolve(view, in: basis) }
        var step = evaluate(check, in: basis, context: item.context, depth: .max, slice: slice)
        while true {
            switch step {
            case .done(let has): return has ? .has : .hasNot
            case .conditional(let missing): return Decision(.conditional, missingContext: missing)
            case .failed(let error): throw error
            case .suspended(let evaluation): step = resume(evaluation, slice: slice)
            }
        }
    }

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
        #expect(remove(tuple) != nil, "\(text) was not there")
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
        in basis: Basis? = nil,
        limit: Int = 1_000,
        work: Int = 1_000
    ) -> [RelationTuple] {
        var tuples: [RelationTuple] = []
        var after: RelationTuple?
        while true {
            switch read(filter, in: basis, after: after, limit: limit, work: work) {
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
