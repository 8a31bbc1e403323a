// Pemba: random schemas and histories against the definitions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: every answer equals the definition's, whatever the schema, the cycles and the history of writes.
///
/// Method: few objects and many relations that refer to each other, so that nearly everything is cyclic.
@Suite("Random checks")
struct RandomCheckTests {
    /// A schema of two types whose expressions refer to everything, themselves included.
    static func randomSchema(_ random: inout SeededRandom) throws -> CompiledSchema {
        let types = ["group", "thing"]
        let relations = ["rel_a", "rel_b", "rel_c"]
        let permissions = ["per_a", "per_b", "per_c"].prefix(1 + random.below(3))
        let names = relations + permissions
        var source = "definition user {}\n"
        for type in types {
            source += "definition \(type) {\n"
            source += "relation parent: group | thing\n"
            source += "relation anybody: user | user:*\n"
            for relation in relations {
                var admitted = ["user"]
                for other in types {
                    if random.chance(1, in: 3) { admitted.append(other) }
                    for name in names where random.chance(1, in: 3) {
                        admitted.append("\(other)#\(name)")
                    }
                }
                source += "relation \(relation): \(admitted.joined(separator: " | "))\n"
            }
            for (place, permission) in permissions.enumerated() {
                // On the same object a permission may only use those before it; through arrows and tuples, any.
                let here = relations + ["anybody"] + permissions.prefix(place)
                source += "permission \(permission) = \(expression(here, names, &random, depth: 3))\n"
            }
            source += "}\n"
        }
        return try schema(source)
    }

    private static func expression(
        _ here: [String],
        _ there: [String],
        _ random: inout SeededRandom,
        depth: Int
    ) -> String {
        let name = here[random.below(here.count)]
        switch depth == 0 ? random.below(3) : random.below(8) {
        case 0, 1:
            return name
        case 2:
            let computed = there[random.below(there.count)]
            return random.chance(1, in: 3) ? "parent.all(\(computed))" : "parent->\(computed)"
        case 3:
            return random.chance(1, in: 8) ? "nil" : name
        default:
            let left = expression(here, there, &random, depth: depth - 1)
            let right = expression(here, there, &random, depth: depth - 1)
            return "(\(left) \(["+", "+", "&", "-"][random.below(4)]) \(right))"
        }
    }

    /// A tuple that the schema admits.
    static func randomTuple(_ schema: CompiledSchema, _ random: inout SeededRandom, objects: Int) -> RelationTuple {
        let definition = schema.definitions[1 + random.below(schema.definitions.count - 1)]
        let relations = definition.relations.filter { if case .relation = $0.kind { true } else { false } }
        let relation = relations[random.below(relations.count)]
        guard case .relation(let admitted) = relation.kind else { preconditionFailure("only relations were kept") }
        let subject = admitted[random.below(admitted.count)]
        let type = schema.definitions[subject.definition]
        let id = String(random.below(objects))
        let reference =
            switch subject.form {
            case .object: SubjectReference(type: type.name, id: id)
            case .wildcard: SubjectReference(type: type.name, id: SubjectReference.wildcardID)
            case .userset(let place): SubjectReference(type: type.name, id: id, relation: type.relations[place].name)
            }
        return RelationTuple(
            resource: ObjectReference(type: definition.name, id: String(random.below(objects))),
            relation: relation.name,
            subject: reference
        )
    }

    /// Asks everything about a subject.
    private func compare(
        _ graph: Graph,
        _ naive: NaiveGraph,
        _ subject: SubjectReference,
        objects: Int,
        _ seed: UInt64
    ) throws {
        var resources: [ObjectReference] = []
        for definition in naive.schema.definitions.dropFirst() {
            resources += (0..<objects).map { ObjectReference(type: definition.name, id: String($0)) }
        }
        let memberships = naive.memberships(of: subject, more: resources)
        for resource in resources {
            guard let definition = naive.schema.definitions.first(where: { $0.name == resource.type }) else { continue }
            for relation in definition.relations {
                let expected = memberships.contains(NaiveGraph.Problem(object: resource, relation: relation.name))
                let answer = try inSlices(graph, resource, relation.name, subject)
                #expect(
                    answer == expected,
                    "\(resource)#\(relation.name)@\(subject) in \(naive.schema.source) with \(naive.tuples.map(\.description).sorted()) \(Seeds.replay(seed, "RandomCheckTests"))"
                )
                let whole = try graph.check(resource, relation.name, subject)
                #expect(whole == answer, "slices change the answer. \(Seeds.replay(seed, "RandomCheckTests"))")
            }
        }
    }

    /// Evaluates a check three visits at a time.
    private func inSlices(
        _ graph: Graph,
        _ resource: ObjectReference,
        _ permission: String,
        _ subject: SubjectReference
    ) throws -> Bool? {
        let question = RelationTuple(resource: resource, relation: permission, subject: subject)
        let check = try question.withView { view throws(GraphError) in try graph.resolve(view) }
        var step = graph.evaluate(check, slice: 3)
        while true {
            switch step {
            case .done(let answer): return answer
            case .budgetExceeded: return nil
            case .suspended(let evaluation): step = graph.resume(evaluation, slice: 3)
            }
        }
    }

    @Test("answers equal the definition's at every step of a history", arguments: Array(Seeds(short: 20, full: 1_500)))
    func histories(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let schema = try Self.randomSchema(&random)
        let graph = Graph(capacity: .small)
        try graph.replaceSchema(schema)
        var naive = NaiveGraph(schema)
        let objects = 2 + random.below(3)
        for _ in 0..<25 {
            for _ in 0..<(1 + random.below(6)) {
                if random.chance(1, in: 4), let stored = naive.tuples.sorted(by: { $0.precedes($1) }).first {
                    #expect(naive.remove(stored) == graph.remove(stored))
                } else {
                    let tuple = Self.randomTuple(schema, &random, objects: objects)
                    try graph.validate(tuple)
                    #expect(naive.insert(tuple) == graph.insert(tuple))
                }
            }
            #expect(graph.tupleCount == naive.tuples.count)
            let definition = schema.definitions[random.below(3)]
            let id = String(random.below(objects + 1))
            var subject = SubjectReference(type: definition.name, id: id)
            if random.chance(1, in: 3), !definition.relations.isEmpty {
                subject.relation = definition.relations[random.below(definition.relations.count)].name
            }
            try compare(graph, naive, subject, objects: objects, seed)
        }
        #expect(graph.all() == naive.tuples.sorted { $0.precedes($1) })
    }
}
