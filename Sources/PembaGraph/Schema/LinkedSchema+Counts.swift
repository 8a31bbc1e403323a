// Pemba: which tuples there are, by the names in a filter.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension LinkedSchema {
    /// Whether there is a tuple of names that a filter means on resources of a type, in the present state.
    ///
    /// One that has expired counts until it is collected. Ids are not looked at.
    func hasCounted(type: Int, _ filter: RelationshipFilter) -> Bool {
        let linked = types[type]
        if let name = filter.resourceType, !name.hasSameBytes(as: linked.name) { return false }
        for (number, name) in linked.relationNames.enumerated() {
            if let wanted = filter.relation, !wanted.hasSameBytes(as: name) { continue }
            let node = node(type: UInt32(type), relation: UInt32(number))
            for place in admittedPlaces(node) where admittedTuples[place] > 0 && isMeant(admitted[place], by: filter) {
                return true
            }
        }
        return false
    }

    private func isMeant(_ kind: AdmittedKind, by filter: RelationshipFilter) -> Bool {
        if let name = filter.subjectType, !name.hasSameBytes(as: types[Int(kind.type)].name) { return false }
        let isUserset = kind.relation != 0 && kind.relation != AdmittedKind.wildcard
        switch filter.subjectRelation {
        case .any: return true
        case .none: return !isUserset
        case .named(let name):
            return isUserset && relationName(type: kind.type, relation: kind.relation).hasSameBytes(as: name)
        }
    }
}
