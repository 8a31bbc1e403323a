// Pemba: whether stored tuples have the ids that a schema demands.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

extension Graph {
    /// Refuses a rule for ids that a stored tuple does not follow, and names the smallest such tuple in the order of
    /// reads.
    ///
    /// Only a schema that changes the rule asks. Accepting looks at every id once, refusing at every tuple.
    func refuseIDs(outside rule: IDRule) throws(GraphError) {
        guard rule != .any, hasIDs(outside: rule) else { return }
        guard let first = firstTuple(outside: rule) else {
            preconditionFailure("an id is in no tuple whose ends have rows")
        }
        let ids = [first.resource.id, first.subject.object.id]
        throw .wouldOrphan(first, reason: ids.compactMap { rule.problem(of: $0) }.first ?? "")
    }

    /// Whether a tuple has an id that breaks the rule.
    private func hasIDs(outside rule: IDRule) -> Bool {
        (EntityNumber.first..<max(entities.end, EntityNumber.first)).contains { entity in
            let record = entities.records[Int(entity)]
            // Without rows nothing is stored of it: the history alone remembers it.
            guard record.forward != 0 || record.reverse != 0 else { return false }
            return !rule.admits(entities.id(of: entity))
        }
    }

    private func firstTuple(outside rule: IDRule) -> RelationTuple? {
        var first: TupleEnd?
        for entity in EntityNumber.first..<max(entities.end, EntityNumber.first)
        where entities.records[Int(entity)].forward != 0 {
            if let first, first.resource != entity, !reader.precedes(entity, first.resource) { continue }
            let isAdmitted = rule.admits(entities.id(of: entity))
            rows.forEach(forward(entity)) { entry in
                guard !isAdmitted || !rule.admits(entities.id(of: RowEntry.entity(entry))) else { return }
                let end = TupleEnd(resource: entity, entry: entry)
                if let known = first, !precedes(end, known) { return }
                first = end
            }
        }
        return first.map { tuple($0) }
    }
}
