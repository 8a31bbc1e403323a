// Pemba: random tuples and questions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport

@testable import PembaGraph

/// A random schema, and random tuples and questions about few objects that fit it.
///
/// Equal seeds make equal worlds. Time is a small number, so that tuples begin and expire all the time.
struct RandomWorld {
    private(set) var parts: RandomSchema
    private(set) var schema: CompiledSchema
    /// Ids are the numbers below this; questions are asked about one more.
    let objects: Int
    /// The log's time.
    var time: Int64 = 1_000

    init(_ random: inout SeededRandom, objects: Int, features: RandomSchema.Features = .all) throws {
        parts = RandomSchema(&random, features: features)
        schema = try parts.compiled()
        self.objects = objects
    }

    /// Another schema is in place.
    mutating func replace(_ parts: RandomSchema) throws {
        self.parts = parts
        schema = try parts.compiled()
    }

    // MARK: Tuples

    /// A tuple that the schema admits.
    func tuple(_ random: inout SeededRandom) -> RelationTuple {
        let holders = schema.definitions.filter { !relations(of: $0).isEmpty }
        let definition = holders[random.below(holders.count)]
        let choices = relations(of: definition)
        let (relation, admitted) = choices[random.below(choices.count)]
        let kind = admitted[random.below(admitted.count)]
        let type = schema.definitions[kind.definition]
        let id = String(random.below(objects))
        let reference =
            switch kind.form {
            case .object: SubjectReference(type: type.name, id: id)
            case .wildcard: SubjectReference(type: type.name, id: SubjectReference.wildcardID)
            case .userset(let place): SubjectReference(type: type.name, id: id, relation: type.relations[place].name)
            }
        var tuple = RelationTuple(
            resource: ObjectReference(type: definition.name, id: String(random.below(objects))),
            relation: relation,
            subject: reference
        )
        add(kind, to: &tuple, &random)
        return tuple
    }

    /// A tuple with the same ends and other traits, as far as the schema admits any.
    func again(_ tuple: RelationTuple, _ random: inout SeededRandom) -> RelationTuple {
        var other = tuple.key
        let definition = schema.definitions.first { $0.name == tuple.resource.type }
        let relation = definition.flatMap { relations(of: $0).first { $0.name == tuple.relation } }
        let kinds = (relation?.admitted ?? []).filter { kind in
            let type = schema.definitions[kind.definition]
            guard type.name == tuple.subject.object.type else { return false }
            switch kind.form {
            case .object: return tuple.subject.relation == nil && !tuple.subject.isWildcard
            case .wildcard: return tuple.subject.isWildcard
            case .userset(let place): return tuple.subject.relation == type.relations[place].name
            }
        }
        add(kinds[random.below(kinds.count)], to: &other, &random)
        return other
    }

    /// Gives a tuple the caveat and times that a kind of tuples carries.
    private func add(_ kind: AllowedSubject, to tuple: inout RelationTuple, _ random: inout SeededRandom) {
        if let caveat = kind.caveat {
            let name = schema.caveats[caveat].name
            tuple.caveat = CaveatReference(name: name, context: context(of: name, &random))
        }
        if kind.hasExpiration { addTimes(to: &tuple, &random) }
    }

    private func relations(of definition: CompiledDefinition) -> [(name: String, admitted: [AllowedSubject])] {
        definition.relations.compactMap { relation in
            if case .relation(let admitted) = relation.kind { (relation.name, admitted) } else { nil }
        }
    }

    /// Times around the present, some of them over already.
    private func addTimes(to tuple: inout RelationTuple, _ random: inout SeededRandom) {
        let expiry = time + Int64(random.below(9)) - 1
        let start = time + Int64(random.below(7)) - 2
        switch random.below(4) {
        case 0: tuple.notBefore = Timestamp(nanoseconds: start)
        case 1 where start < expiry:
            tuple.notBefore = Timestamp(nanoseconds: start)
            tuple.expiresAt = Timestamp(nanoseconds: expiry)
        default: tuple.expiresAt = Timestamp(nanoseconds: expiry)
        }
    }

    // MARK: Contexts

    /// Values for some of a caveat's parameters: all, some or none of them.
    private func context(of name: String, _ random: inout SeededRandom) -> ContextObject {
        context(parts.caveats.first { $0.name == name }.map { [$0] } ?? [], &random)
    }

    /// Values for some of the parameters of all caveats.
    func context(_ random: inout SeededRandom) -> ContextObject { context(parts.caveats, &random) }

    private func context(_ caveats: [RandomSchema.Caveat], _ random: inout SeededRandom) -> ContextObject {
        let given = UInt64(random.below(3))
        var members: [(String, String)] = []
        for value in caveats.flatMap(\.values) where !members.contains(where: { $0.0 == value.parameter }) {
            guard random.chance(given, in: 2) else { continue }
            members.append((value.parameter, value.json[random.below(value.json.count)]))
        }
        let json = "{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
        guard let context = try? ContextObject(parsing: json) else {
            preconditionFailure("`\(json)` is no context")
        }
        return context
    }

    // MARK: Questions

    /// A subject, perhaps a userset or one without tuples, never a wildcard.
    func subject(_ random: inout SeededRandom) -> SubjectReference {
        let definition = schema.definitions[random.below(schema.definitions.count)]
        var subject = SubjectReference(type: definition.name, id: String(random.below(objects + 1)))
        if random.chance(1, in: 3), !definition.relations.isEmpty {
            subject.relation = definition.relations[random.below(definition.relations.count)].name
        }
        return subject
    }

    /// All that can be asked about.
    var resources: [ObjectReference] {
        schema.definitions.filter { !$0.relations.isEmpty }.flatMap { definition in
            (0..<objects).map { ObjectReference(type: definition.name, id: String($0)) }
        }
    }
}
