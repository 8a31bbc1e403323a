// Pemba: what a permission means, by its definition.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService

/// Finds everything that one subject has on what is connected with the object in question, by adding until nothing is
/// added any more: the least fixed point.
///
/// Relations are closed first and permissions then, so that what is subtracted is complete before it is subtracted. This
/// requires that no relation admits a userset of a permission, and that what is subtracted is a relation.
struct ReferenceEvaluator {
    private struct Fact: Hashable {
        let object: ObjectReference
        let relation: String
    }

    private let schema: CompiledSchema
    private let time: Timestamp
    private let item: CheckItem
    private let ifUndecided: Bool
    private let subject: SubjectReference
    /// Whether a condition was met that cannot be decided.
    private(set) var isUndecided = false
    /// The object in question, and all that tuples lead to from there.
    private var objects: [ObjectReference] = []
    /// The tuples of these objects.
    private var tuples: [RelationTuple] = []
    private var facts: Set<Fact> = []

    /// Tuples under a condition that cannot be decided count if `ifUndecided` says so.
    init(schema: CompiledSchema, time: Timestamp, item: CheckItem, ifUndecided: Bool) {
        self.schema = schema
        self.time = time
        self.item = item
        self.ifUndecided = ifUndecided
        subject = item.subject
    }

    /// Whether the subject has it, by tuples that have not expired; those that do not count yet are passed over.
    mutating func has(_ tuplesOf: [ObjectReference: Set<RelationTuple>]) -> Bool {
        var seen: Set<ObjectReference> = [item.resource]
        var waiting = [item.resource]
        while let object = waiting.popLast() {
            objects.append(object)
            for tuple in tuplesOf[object] ?? [] where counts(tuple) {
                tuples.append(tuple)
                if seen.insert(tuple.subject.object).inserted { waiting.append(tuple.subject.object) }
            }
        }
        if let relation = subject.relation { facts.insert(Fact(object: subject.object, relation: relation)) }
        closeRelations()
        closePermissions()
        return facts.contains(Fact(object: item.resource, relation: item.permission))
    }

    private mutating func counts(_ tuple: RelationTuple) -> Bool {
        guard tuple.notBefore.map({ $0 <= time }) ?? true else { return false }
        guard let caveat = tuple.caveat else { return true }
        if let holds = Workload.holds(caveat, for: item.context) { return holds }
        isUndecided = true
        return ifUndecided
    }

    private mutating func closeRelations() {
        var count = -1
        while count != facts.count {
            count = facts.count
            for tuple in tuples where isSubject(of: tuple) {
                facts.insert(Fact(object: tuple.resource, relation: tuple.relation))
            }
        }
    }

    private func isSubject(of tuple: RelationTuple) -> Bool {
        if tuple.subject == subject { return true }
        if tuple.subject.isWildcard {
            return subject.relation == nil && subject.object.type == tuple.subject.object.type
        }
        guard let relation = tuple.subject.relation else { return false }
        return facts.contains(Fact(object: tuple.subject.object, relation: relation))
    }

    private mutating func closePermissions() {
        var count = -1
        while count != facts.count {
            count = facts.count
            for object in objects {
                guard let definition = schema.definitions.first(where: { $0.name == object.type }) else { continue }
                for relation in definition.relations {
                    guard case .permission(let rewrite) = relation.kind else { continue }
                    if holds(rewrite, on: object, definition) {
                        facts.insert(Fact(object: object, relation: relation.name))
                    }
                }
            }
        }
    }

    private func holds(_ rewrite: UsersetRewrite, on object: ObjectReference, _ definition: CompiledDefinition) -> Bool
    {
        switch rewrite {
        case .empty: return false
        case .selfReference: return object == subject.object && subject.relation == nil
        case .computedUserset(let number):
            return facts.contains(Fact(object: object, relation: definition.relations[number].name))
        case .tupleToUserset(let number, let computed, let function):
            let name = definition.relations[number].name
            let parents = tuples.filter { $0.resource == object && $0.relation == name }.map(\.subject.object)
            func has(_ parent: ObjectReference) -> Bool { facts.contains(Fact(object: parent, relation: computed)) }
            return function == .any ? parents.contains(where: has) : !parents.isEmpty && parents.allSatisfy(has)
        case .union(let parts): return parts.contains { holds($0, on: object, definition) }
        case .intersection(let parts): return parts.allSatisfy { holds($0, on: object, definition) }
        case .exclusion(let base, let subtracted):
            return holds(base, on: object, definition) && !holds(subtracted, on: object, definition)
        }
    }
}
