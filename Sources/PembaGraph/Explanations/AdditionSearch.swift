// Pemba: tuples that would give a permission.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// Finds tuples that the schema admits and that would make a relation or an arrow hold: with the subject itself, with a
/// userset that it is in already, or with an object on which it has what the arrow asks for.
struct AdditionSearch {
    /// How long a suggested tuple counts whose relation admits none that counts for ever.
    private static let lifetime: Int64 = 3_600_000_000_000

    let network: ExplanationNetwork
    let names: CheckNames
    let candidates: CandidateObjects

    private var inquiry: Inquiry { network.inquiry }
    private var linked: LinkedSchema { names.reader.linked }

    /// The tuples that would make a relation of an entity hold, each by itself.
    func relation(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> [RelationTuple] {
        let check = inquiry.state.pointee.check
        var tuples: [RelationTuple] = []
        let kinds = plainest(node)
        let admitsSubject = kinds.contains { $0.type == check.subjectType && $0.relation == check.subjectRelation }
        for kind in kinds {
            switch kind.relation {
            case check.subjectRelation where kind.type == check.subjectType:
                tuples.append(tuple(entity, node, names.item.subject, kind))
            case AdmittedKind.wildcard:
                guard kind.type == check.subjectType, !admitsSubject else { continue }
                let everybody = SubjectReference(
                    type: linked.types[Int(kind.type)].name,
                    id: SubjectReference.wildcardID
                )
                tuples.append(tuple(entity, node, everybody, kind))
            case 0:
                continue
            default:
                let target = linked.node(type: kind.type, relation: kind.relation)
                tuples += try members(of: target, kind.type).map { tuple(entity, node, subject($0, kind), kind) }
            }
        }
        return tuples
    }

    /// The tuples that would make an arrow from an entity hold, each by itself; of `.all`, if it has no other tuple.
    func arrow(_ entity: UInt32, _ place: UInt32) throws(GraphError) -> [RelationTuple] {
        let op = inquiry.view.ops[Int(place)]
        let type = linked.names.find(names.object(entity).type, scope: 0)
        let node = linked.node(type: type, relation: op.first)
        var tuples: [RelationTuple] = []
        for kind in plainest(node) where kind.relation != AdmittedKind.wildcard {
            guard let target = inquiry.view.target(op, type: kind.type) else { continue }
            tuples += try members(of: target, kind.type).map { tuple(entity, node, subject($0, kind), kind) }
        }
        return tuples
    }

    /// The tuple anew: without a condition if the schema admits that, else with the values of its condition left open.
    func renewed(_ end: TupleEnd) -> [RelationTuple] {
        let tuple = names.reader.tuple(end)
        let type = linked.names.find(tuple.resource.type, scope: 0)
        let node = linked.node(type: type, relation: RowEntry.relation(end.entry))
        let subject = AdmittedKind(
            type: linked.names.find(tuple.subject.object.type, scope: 0),
            relation: tuple.subject.isWildcard ? AdmittedKind.wildcard : RowEntry.subjectRelation(end.entry)
        )
        return plainest(node).filter { $0.subject == subject.subject }
            .map { self.tuple(end.resource, node, tuple.subject, $0) }
            .filter { (try? inquiry.graph.validate($0, in: inquiry.basis)) != nil }
    }

    // MARK: Parts

    /// The kinds of subjects that a relation admits, each with as few traits as it may have: with each caveat only if
    /// none may be left out.
    private func plainest(_ node: UInt32) -> [AdmittedKind] {
        let all = linked.admittedPlaces(node).map { linked.admitted[$0] }
        return all.filter { kind in
            let others = all.filter { $0.subject == kind.subject }
            if kind.caveat != 0, others.contains(where: { $0.caveat == 0 }) { return false }
            return !kind.hasTime || !others.contains { $0.caveat == kind.caveat && !$0.hasTime }
        }
    }

    /// Objects of a type on which the subject has a node.
    private func members(of node: UInt32, _ type: UInt32) throws(GraphError) -> [UInt32] {
        guard inquiry.state.pointee.isReachable(node, inquiry.view) else { return [] }
        var found: [UInt32] = []
        for entity in candidates.ofType(type) where try inquiry.standing(entity, node).contains(.certain) {
            found.append(entity)
            if found.count == Limits.candidatesPerPlace { break }
        }
        return found
    }

    private func subject(_ entity: UInt32, _ kind: AdmittedKind) -> SubjectReference {
        let relation = kind.relation == 0 ? nil : linked.relationName(type: kind.type, relation: kind.relation)
        return SubjectReference(object: names.object(entity), relation: relation)
    }

    private func tuple(
        _ entity: UInt32,
        _ node: UInt32,
        _ subject: SubjectReference,
        _ kind: AdmittedKind
    ) -> RelationTuple {
        RelationTuple(
            resource: names.object(entity),
            relation: names.permission(node),
            subject: subject,
            caveat: kind.caveat == 0 ? nil : CaveatReference(name: linked.caveats[Int(kind.caveat)].name),
            expiresAt: kind.hasTime
                ? Timestamp(nanoseconds: names.reader.basis.time + AdditionSearch.lifetime) : nil
        )
    }
}
