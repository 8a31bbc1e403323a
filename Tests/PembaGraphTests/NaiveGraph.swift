// Pemba: tuples and checks by definition, for comparing.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema

@testable import PembaGraph

/// Stores tuples and answers checks from the definitions alone: no numbers, no order, no short cut.
///
/// Small graphs only.
struct NaiveGraph {
    /// A relation or permission of an object, or a part of a permission's expression.
    struct Problem: Hashable {
        var object: ObjectReference
        var name: String
    }

    private(set) var schema: CompiledSchema
    /// The log's time.
    var time: Int64
    /// The tuples that have been written, by their ends, expired ones included.
    private var stored: [RelationTuple: RelationTuple] = [:]

    init(_ schema: CompiledSchema, time: Int64 = 0) {
        self.schema = schema
        self.time = time
    }

    // MARK: Writes

    /// The tuples that have not expired.
    var tuples: [RelationTuple] {
        stored.values.filter { !hasExpired($0) }.sorted { $0.precedes($1) }
    }

    /// The tuple with the same ends, unless it has expired.
    func stored(_ tuple: RelationTuple) -> RelationTuple? { stored[tuple.key].flatMap { hasExpired($0) ? nil : $0 } }

    private func hasExpired(_ tuple: RelationTuple) -> Bool { tuple.expiresAt.map { $0.nanoseconds <= time } ?? false }

    /// Adds a tuple, or gives the one that is there other traits; one that has expired takes it away.
    @discardableResult
    mutating func put(_ tuple: RelationTuple) -> WriteEffect {
        if hasExpired(tuple) { return remove(tuple.key) == nil ? .expired : .removed }
        let before = stored.updateValue(tuple, forKey: tuple.key)
        guard let before, !hasExpired(before) else { return .created }
        return before == tuple ? .unchanged : .touched
    }

    /// Removes a tuple; nil if it was not there or had expired.
    @discardableResult
    mutating func remove(_ tuple: RelationTuple) -> RelationTuple? {
        guard let before = stored.removeValue(forKey: tuple.key), !hasExpired(before) else { return nil }
        return before
    }

    /// Puts another schema in place; false if a tuple is not admitted by it.
    mutating func replaceSchema(_ new: CompiledSchema) -> Bool {
        guard tuples.allSatisfy({ NaiveGraph.admits($0, new) }) else { return false }
        schema = new
        stored = stored.filter { !hasExpired($0.value) }
        return true
    }

    /// Whether a schema admits a tuple.
    private static func admits(_ tuple: RelationTuple, _ schema: CompiledSchema) -> Bool {
        guard let definition = schema.definitions.first(where: { $0.name == tuple.resource.type }),
            let relation = definition.relations.first(where: { $0.name == tuple.relation }),
            case .relation(let admitted) = relation.kind
        else { return false }
        return admitted.contains { kind in
            let type = schema.definitions[kind.definition]
            let isForm =
                switch kind.form {
                case .object: tuple.subject.relation == nil && !tuple.subject.isWildcard
                case .wildcard: tuple.subject.isWildcard
                case .userset(let place): tuple.subject.relation == type.relations[place].name
                }
            return isForm && type.name == tuple.subject.object.type
                && kind.caveat.map { schema.caveats[$0].name } == tuple.caveat?.name
                && kind.hasExpiration == (tuple.expiresAt != nil || tuple.notBefore != nil)
        }
    }

    // MARK: Checks

    /// All answers about a subject, on all objects in tuples and those of `more`.
    func answers(
        about subject: SubjectReference,
        context: ContextObject = .empty,
        more: [ObjectReference] = []
    ) -> NaiveAnswers {
        var objects = Set(more + [subject.object])
        var rows: [Problem: [NaiveAnswers.JudgedTuple]] = [:]
        for tuple in tuples {
            objects.formUnion([tuple.resource, tuple.subject.object])
            if let notBefore = tuple.notBefore, notBefore.nanoseconds > time { continue }
            let judged = judge(tuple, context)
            rows[Problem(object: tuple.resource, name: tuple.relation), default: []].append(judged)
        }
        return NaiveAnswers(schema, rows, subject, Array(objects))
    }

    /// A tuple with what its condition comes to: the stored values, and those of the request where none is stored.
    func judge(_ tuple: RelationTuple, _ context: ContextObject) -> NaiveAnswers.JudgedTuple {
        guard let reference = tuple.caveat else {
            return NaiveAnswers.JudgedTuple(subject: tuple.subject, truth: .yes, missing: [])
        }
        guard let caveat = schema.caveats.first(where: { $0.name == reference.name }) else {
            preconditionFailure("`\(tuple)` carries an unknown caveat")
        }
        var values = reference.context.entries.map { ($0.key, $0.value) }
        for entry in context.entries where reference.context[entry.key] == nil {
            values.append((entry.key, entry.value))
        }
        guard
            let arguments = try? ConditionArguments.convert(
                ContextObject(values),
                parameters: caveat.parameters,
                unknownKeys: .ignore
            ),
            let outcome = try? caveat.condition.evaluate(stored: nil, request: arguments)
        else { preconditionFailure("`\(tuple)` cannot be judged with \(context.json)") }
        switch outcome {
        case .holds: return NaiveAnswers.JudgedTuple(subject: tuple.subject, truth: .yes, missing: [])
        case .fails: return NaiveAnswers.JudgedTuple(subject: tuple.subject, truth: .no, missing: [])
        case .unknown(let missing):
            return NaiveAnswers.JudgedTuple(subject: tuple.subject, truth: .maybe, missing: Set(missing))
        }
    }
}
