// Pemba: what a subject has by definition.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema

@testable import PembaGraph

/// All answers about one subject: the alternating fixed point over sets of problems, all of them at once.
///
/// Each problem is two: that it is certain and that it is possible; what is subtracted from the one is the other.
/// Each part of an expression is a problem of its own, called by its place.
struct NaiveAnswers {
    typealias Problem = NaiveGraph.Problem

    /// A tuple that is there at the time, whatever its condition.
    struct JudgedTuple {
        var subject: SubjectReference
        /// What its condition comes to.
        var truth: Truth
        /// What its condition lacks, if it depends on that.
        var missing: Set<String>
    }

    /// What a problem is made of.
    private enum Form {
        case relation
        case empty
        case itself
        case same(String)
        case arrow(tupleset: String, computed: String, ArrowFunction)
        case union([String])
        case intersection([String])
        case exclusion(String, String)
    }

    private struct Bounds: Equatable {
        var certain: Set<Problem> = []
        var possible: Set<Problem> = []

        func contains(_ problem: Problem, _ isPossible: Bool) -> Bool {
            isPossible ? possible.contains(problem) : certain.contains(problem)
        }
    }

    private let subject: SubjectReference
    private let rows: [Problem: [JudgedTuple]]
    private var forms: [Problem: Form] = [:]
    private var known = Bounds()

    init(
        _ schema: CompiledSchema,
        _ rows: [Problem: [JudgedTuple]],
        _ subject: SubjectReference,
        _ objects: [ObjectReference]
    ) {
        self.subject = subject
        self.rows = rows
        for object in objects {
            guard let definition = schema.definitions.first(where: { $0.name == object.type }) else { continue }
            for relation in definition.relations {
                switch relation.kind {
                case .relation: forms[Problem(object: object, name: relation.name)] = .relation
                case .permission(let rewrite): add(rewrite, relation.name, object, definition)
                }
            }
        }
        while true {
            let next = leastFixedPoint(assuming: leastFixedPoint(assuming: known))
            if next == known { break }
            known = next
        }
    }

    private mutating func add(
        _ rewrite: UsersetRewrite,
        _ place: String,
        _ object: ObjectReference,
        _ definition: CompiledDefinition
    ) {
        let members: [UsersetRewrite]
        switch rewrite {
        case .empty, .selfReference, .computedUserset, .tupleToUserset: members = []
        case .union(let all), .intersection(let all): members = all
        case .exclusion(let base, let subtracted): members = [base, subtracted]
        }
        let places = members.indices.map { "\(place)/\($0)" }
        for (member, place) in zip(members, places) { add(member, place, object, definition) }
        let form: Form =
            switch rewrite {
            case .empty: .empty
            case .selfReference: .itself
            case .computedUserset(let relation): .same(definition.relations[relation].name)
            case .tupleToUserset(let tupleset, let computed, let function):
                .arrow(tupleset: definition.relations[tupleset].name, computed: computed, function)
            case .union: .union(places)
            case .intersection: .intersection(places)
            case .exclusion: .exclusion(places[0], places[1])
            }
        forms[Problem(object: object, name: place)] = form
    }

    // MARK: The fixed points

    /// What follows if exclusions subtract exactly `assumed`.
    private func leastFixedPoint(assuming assumed: Bounds) -> Bounds {
        var known = Bounds()
        while true {
            var next = known
            for (problem, form) in forms {
                if holds(problem, form, false, known, assumed) { next.certain.insert(problem) }
                if holds(problem, form, true, known, assumed) { next.possible.insert(problem) }
            }
            if next == known { return known }
            known = next
        }
    }

    private func holds(_ problem: Problem, _ form: Form, _ isPossible: Bool, _ known: Bounds, _ assumed: Bounds) -> Bool
    {
        let object = problem.object
        if subject.object == object && subject.relation == problem.name { return true }
        let holds = { (name: String) in known.contains(Problem(object: object, name: name), isPossible) }
        let counts = { (tuple: JudgedTuple) in tuple.truth == .yes || (isPossible && tuple.truth == .maybe) }
        switch form {
        case .empty: return false
        case .itself: return subject.relation == nil && subject.object == object
        case .same(let name): return holds(name)
        case .union(let places): return places.contains(where: holds)
        case .intersection(let places): return places.allSatisfy(holds)
        case .exclusion(let base, let subtracted):
            return holds(base) && !assumed.contains(Problem(object: object, name: subtracted), !isPossible)
        case .relation:
            return rows[problem, default: []].contains { tuple in
                guard counts(tuple) else { return false }
                if isDirect(tuple) { return true }
                guard let child = child(tuple, computed: nil) else { return false }
                return known.contains(child, isPossible)
            }
        case .arrow(let tupleset, let computed, let function):
            let tuples = rows[Problem(object: object, name: tupleset), default: []]
            let hits = tuples.map { tuple in
                guard let child = child(tuple, computed: computed) else { return false }
                return counts(tuple) && known.contains(child, isPossible)
            }
            return function == .any ? hits.contains(true) : !hits.isEmpty && !hits.contains(false)
        }
    }

    /// Whether a tuple names the subject itself, or everybody of its type.
    private func isDirect(_ tuple: JudgedTuple) -> Bool {
        if tuple.subject.isWildcard { return tuple.subject.object.type == subject.object.type }
        return tuple.subject == subject
    }

    /// Where a tuple leads: along an arrow, or to the userset that it names.
    private func child(_ tuple: JudgedTuple, computed: String?) -> Problem? {
        guard let name = computed ?? tuple.subject.relation else { return nil }
        return Problem(object: tuple.subject.object, name: name)
    }

    // MARK: Answers

    func truth(_ problem: Problem) -> Truth {
        known.certain.contains(problem) ? .yes : known.possible.contains(problem) ? .maybe : .no
    }

    /// What a problem that is neither certain nor impossible depends on: the fields that conditions lack which nothing
    /// absorbs.
    func missing(_ problem: Problem) -> Set<String> {
        var visited: Set<Problem> = []
        var pending = [problem]
        var names: Set<String> = []
        while let next = pending.popLast() {
            guard truth(next) == .maybe, visited.insert(next).inserted, let form = forms[next] else { continue }
            let parts: [String]
            switch form {
            case .empty, .itself: parts = []
            case .same(let name): parts = [name]
            case .union(let places), .intersection(let places): parts = places
            case .exclusion(let base, let subtracted): parts = [base, subtracted]
            case .relation:
                parts = []
                for tuple in rows[next, default: []] {
                    if isDirect(tuple), tuple.truth == .maybe { names.formUnion(tuple.missing) }
                    follow(tuple, computed: nil, &names, &pending)
                }
            case .arrow(let tupleset, let computed, _):
                parts = []
                for tuple in rows[Problem(object: next.object, name: tupleset), default: []] {
                    follow(tuple, computed: computed, &names, &pending)
                }
            }
            pending += parts.map { Problem(object: next.object, name: $0) }
        }
        return names
    }

    private func follow(
        _ tuple: JudgedTuple,
        computed: String?,
        _ names: inout Set<String>,
        _ pending: inout [Problem]
    ) {
        guard let child = child(tuple, computed: computed), min(tuple.truth, truth(child)) == .maybe else { return }
        names.formUnion(tuple.missing)
        pending.append(child)
    }
}
