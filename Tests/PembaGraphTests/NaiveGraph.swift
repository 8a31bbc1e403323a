// Pemba: checks by definition, for comparing.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema

/// Answers checks from the definitions alone: all sub-problems at once, the alternating fixed point over sets of
/// strings, no numbers, no order, no short cut.
///
/// Small graphs only.
struct NaiveGraph {
    /// A relation or permission of an object.
    struct Problem: Hashable {
        var object: ObjectReference
        var relation: String
    }

    let schema: CompiledSchema
    private(set) var tuples: Set<RelationTuple> = []

    init(_ schema: CompiledSchema) { self.schema = schema }

    mutating func insert(_ tuple: RelationTuple) -> Bool { tuples.insert(tuple).inserted }

    mutating func remove(_ tuple: RelationTuple) -> Bool { tuples.remove(tuple) != nil }

    /// Which problems the subject is in, for all objects in tuples and those of `more`.
    func memberships(of subject: SubjectReference, more: [ObjectReference]) -> Set<Problem> {
        var objects = Set(more)
        for tuple in tuples { objects.formUnion([tuple.resource, tuple.subject.object]) }
        objects.insert(subject.object)
        var lower: Set<Problem> = []
        while true {
            let upper = leastFixedPoint(subject, objects, assuming: lower)
            let next = leastFixedPoint(subject, objects, assuming: upper)
            if next == lower { return lower }
            lower = next
        }
    }

    /// What follows if exclusions subtract exactly `assumed`.
    private func leastFixedPoint(
        _ subject: SubjectReference,
        _ objects: Set<ObjectReference>,
        assuming assumed: Set<Problem>
    ) -> Set<Problem> {
        var known: Set<Problem> = []
        while true {
            var next = known
            for object in objects {
                guard let definition = schema.definitions.first(where: { $0.name == object.type }) else { continue }
                for relation in definition.relations {
                    let problem = Problem(object: object, relation: relation.name)
                    if holds(problem, definition, relation, subject, known, assumed) { next.insert(problem) }
                    guard case .permission(let rewrite) = relation.kind else { continue }
                    for (place, subtracted) in NaiveGraph.subtracted(rewrite, relation.name) {
                        guard holds(subtracted, place, object, definition, known, assumed) else { continue }
                        next.insert(Problem(object: object, relation: place))
                    }
                }
            }
            if next == known { return known }
            known = next
        }
    }

    private func holds(
        _ problem: Problem,
        _ definition: CompiledDefinition,
        _ relation: CompiledRelation,
        _ subject: SubjectReference,
        _ known: Set<Problem>,
        _ assumed: Set<Problem>
    ) -> Bool {
        if subject.object == problem.object && subject.relation == problem.relation { return true }
        switch relation.kind {
        case .relation:
            return tuples.contains { tuple in
                guard tuple.resource == problem.object, tuple.relation == relation.name else { return false }
                if tuple.subject == subject { return true }
                if tuple.subject.isWildcard { return tuple.subject.object.type == subject.object.type }
                guard let relation = tuple.subject.relation else { return false }
                return known.contains(Problem(object: tuple.subject.object, relation: relation))
            }
        case .permission(let rewrite):
            return holds(rewrite, relation.name, problem.object, definition, known, assumed)
        }
    }

    /// All that is subtracted somewhere in an expression, each as a set of its own with a name of its own.
    private static func subtracted(_ rewrite: UsersetRewrite, _ place: String) -> [(String, UsersetRewrite)] {
        switch rewrite {
        case .empty, .computedUserset, .tupleToUserset: []
        case .union(let members), .intersection(let members):
            members.enumerated().flatMap { subtracted($1, "\(place)/\($0)") }
        case .exclusion(let base, let removed):
            subtracted(base, "\(place)/0") + [("\(place)/1", removed)] + subtracted(removed, "\(place)/1")
        }
    }

    private func holds(
        _ rewrite: UsersetRewrite,
        _ place: String,
        _ object: ObjectReference,
        _ definition: CompiledDefinition,
        _ known: Set<Problem>,
        _ assumed: Set<Problem>
    ) -> Bool {
        switch rewrite {
        case .empty:
            return false
        case .computedUserset(let relation):
            return known.contains(Problem(object: object, relation: definition.relations[relation].name))
        case .tupleToUserset(let tupleset, let computed, let function):
            let name = definition.relations[tupleset].name
            let parents = tuples.filter { $0.resource == object && $0.relation == name }.map(\.subject.object)
            let hits = parents.map { known.contains(Problem(object: $0, relation: computed)) }
            return function == .any ? hits.contains(true) : !hits.isEmpty && !hits.contains(false)
        case .union(let members):
            return members.enumerated().contains { holds($1, "\(place)/\($0)", object, definition, known, assumed) }
        case .intersection(let members):
            return members.enumerated().allSatisfy { holds($1, "\(place)/\($0)", object, definition, known, assumed) }
        case .exclusion(let base, _):
            return holds(base, "\(place)/0", object, definition, known, assumed)
                && !assumed.contains(Problem(object: object, relation: "\(place)/1"))
        }
    }
}
