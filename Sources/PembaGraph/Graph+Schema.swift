// Pemba: replacing the schema under stored tuples.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
package import PembaSchema

extension Graph {
    /// Puts another schema in place, unless a stored tuple would not be admitted under it any more.
    ///
    /// Tuples are counted by relation and kind of subject, so that accepting takes time in the size of the schema
    /// only. Refusing looks for the smallest offending tuple, in the order of reads among the resources of the first
    /// type with offending tuples, so that every replica names the same one: that takes time in the number of entities.
    package func replaceSchema(_ schema: CompiledSchema) throws(GraphError) {
        let new = Linker.link(schema, keeping: linked)
        var offending: [Offence] = []
        for node in 0..<linked.nodeCount where linked.nodes[node].kind == .relation {
            let old = linked.nodes[node]
            for place in Int(old.admittedStart)..<Int(old.admittedStart + old.admittedCount) {
                let tuples = linked.admittedTuples[place]
                guard tuples > 0 else { continue }
                let key = linked.admitted[place]
                if let problem = problem(old, key, new) {
                    offending.append(Offence(type: UInt32(old.type), relation: old.number, key: key, reason: problem))
                } else if let kept = Graph.place(old, key, new) {
                    new.admittedTuples[kept] = tuples
                }
            }
        }
        if let offence = firstOffence(offending), !planted("schema-strands-tuples") {
            throw .wouldOrphan(offence.tuple, reason: offence.reason)
        }
        if new.schema.ids != linked.schema.ids { try refuseIDs(outside: new.schema.ids) }
        install(new)
    }

    /// A kind of tuple that a new schema would not admit.
    private struct Offence {
        var type: UInt32
        var relation: UInt32
        var key: AdmittedKind
        var reason: String
    }

    /// The place of a kind of subject in the new schema.
    ///
    /// A kept name has its number in both.
    private static func place(_ old: LinkedNode, _ key: AdmittedKind, _ new: LinkedSchema) -> Int? {
        new.admittedPlace(new.node(type: UInt32(old.type), relation: old.number), key)
    }

    /// Why the new schema does not admit a kind of tuple; nil if it does.
    private func problem(_ old: LinkedNode, _ key: AdmittedKind, _ new: LinkedSchema) -> String? {
        let type = UInt32(old.type)
        let typeName = linked.types[Int(type)].name
        let relationName = linked.relationName(type: type, relation: old.number)
        guard new.names.find(typeName, scope: 0) == type else { return "it has no definition `\(typeName)`" }
        guard new.names.find(relationName, scope: type) == old.number else {
            return "its definition `\(typeName)` has no relation `\(relationName)`"
        }
        guard new.nodes[Int(new.node(type: type, relation: old.number))].kind == .relation else {
            return "`\(relationName)` of `\(typeName)` is a permission in it"
        }
        let refusal = "`\(relationName)` of `\(typeName)` does not take `\(linked.describe(admitted: key))` in it"
        let subjectType = key.type
        guard new.names.find(linked.types[Int(subjectType)].name, scope: 0) == subjectType else { return refusal }
        let relation = key.relation
        if relation != 0, relation != AdmittedKind.wildcard {
            let name = linked.relationName(type: subjectType, relation: relation)
            guard new.names.find(name, scope: subjectType) == relation else { return refusal }
        }
        if key.caveat != 0 {
            let name = linked.caveats[Int(key.caveat)].name
            guard new.caveat(named: name) == key.caveat else { return "it has no caveat `\(name)`" }
            let old = linked.schema.caveats.first { $0.name.hasSameBytes(as: name) }
            if let problem = old.flatMap({ problem($0, new) }) { return problem }
        }
        return Graph.place(old, key, new) == nil ? refusal : nil
    }

    /// What the new schema takes from a caveat that it keeps and that stored contexts may have; nil if nothing.
    private func problem(_ old: CompiledCaveat, _ new: LinkedSchema) -> String? {
        guard let kept = new.schema.caveats.first(where: { $0.name.hasSameBytes(as: old.name) }) else { return nil }
        for parameter in old.parameters {
            guard let now = kept.parameters.first(where: { $0.name.hasSameBytes(as: parameter.name) }) else {
                return "it takes parameter `\(parameter.name)` away from caveat `\(old.name)`"
            }
            guard now.type == parameter.type else {
                return "it changes parameter `\(parameter.name)` of caveat `\(old.name)` from "
                    + "`\(parameter.type.description)` to `\(now.type.description)`"
            }
        }
        return nil
    }

    private func firstOffence(_ offences: [Offence]) -> (tuple: RelationTuple, reason: String)? {
        guard let type = offences.map(\.type).min(by: { linked.types[Int($0)].rank < linked.types[Int($1)].rank })
        else { return nil }
        let ofType = offences.filter { $0.type == type }
        var first: TupleEnd?
        for entity in EntityNumber.first..<max(entities.end, EntityNumber.first)
        where UInt32(entities.records[Int(entity)].type) == type {
            if let first, first.resource != entity, !reader.precedes(entity, first.resource) { continue }
            for offence in ofType {
                visit(entity, relation: offence.relation) { entry in
                    let end = TupleEnd(resource: entity, entry: entry)
                    guard admittedKind(end) == offence.key else { return }
                    if let known = first, !precedes(end, known) { return }
                    first = end
                }
            }
        }
        guard let first else { preconditionFailure("tuples were counted that are not stored") }
        let reason = ofType.first {
            $0.relation == RowEntry.relation(first.entry) && $0.key == admittedKind(first)
        }
        return (tuple(first), reason?.reason ?? "")
    }

    /// Which of a relation's admitted kinds a forward entry is of.
    private func admittedKind(_ end: TupleEnd) -> AdmittedKind {
        let subject = RowEntry.entity(end.entry)
        let type = UInt32(entities.records[Int(subject)].type)
        let traits = reader.traits(end)
        let isWildcard = hot.pointee.view.wildcards[Int(type)] == subject
        return AdmittedKind(
            type: type,
            relation: isWildcard ? AdmittedKind.wildcard : RowEntry.subjectRelation(end.entry),
            caveat: traits.condition == 0 ? 0 : conditions[traits.condition].caveat,
            hasTime: traits.expiresAt != .max || traits.notBefore != .min
        )
    }

    /// Calls `body` with each forward entry of a relation.
    private func visit(_ entity: UInt32, relation: UInt32, _ body: (UInt64) -> Void) {
        var next = RowEntry.start(ofRelation: relation)
        while true {
            let run = rows.run(forward(entity), from: next)
            if run.isEmpty { return }
            var cursor = run.start
            while cursor < run.end {
                guard RowEntry.relation(cursor.pointee) == relation else { return }
                body(cursor.pointee & ~1)
                cursor += 1
            }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
    }
}
