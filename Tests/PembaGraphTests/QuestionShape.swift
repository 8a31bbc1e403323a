// Pemba: which operators a permission depends on.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema

@testable import PembaGraph

/// What the expressions behind a permission are made of, through relations and arrows: what may be said of a proof.
struct QuestionShape {
    private struct Place: Hashable {
        var definition: Int
        var relation: Int
        var isSubtracted: Bool
    }

    /// Whether a proof may need several parts, each of which has a proof of its own.
    private(set) var hasParts = false
    /// Whether what is subtracted may begin to hold when tuples go, so that a proof is no proof by itself.
    private(set) var shrinksToHold = false

    private let schema: CompiledSchema
    private var seen: Set<Place> = []

    init(_ schema: CompiledSchema, type: String, permission: String) {
        self.schema = schema
        guard let definition = schema.definitions.firstIndex(where: { $0.name == type }) else { return }
        visit(definition, permission, isSubtracted: false)
    }

    private mutating func visit(_ definition: Int, _ name: String, isSubtracted: Bool) {
        let relations = schema.definitions[definition].relations
        guard let relation = relations.firstIndex(where: { $0.name == name }) else { return }
        let place = Place(definition: definition, relation: relation, isSubtracted: isSubtracted)
        guard seen.insert(place).inserted else { return }
        switch relations[relation].kind {
        case .permission(let rewrite): visit(definition, rewrite, isSubtracted: isSubtracted)
        case .relation(let admitted):
            for kind in admitted {
                guard case .userset(let place) = kind.form else { continue }
                let name = schema.definitions[kind.definition].relations[place].name
                visit(kind.definition, name, isSubtracted: isSubtracted)
            }
        }
    }

    private mutating func visit(_ definition: Int, _ rewrite: UsersetRewrite, isSubtracted: Bool) {
        switch rewrite {
        case .empty, .selfReference: return
        case .computedUserset(let place):
            visit(definition, schema.definitions[definition].relations[place].name, isSubtracted: isSubtracted)
        case .tupleToUserset(let tupleset, let computed, let function):
            if function == .all {
                hasParts = true
                if isSubtracted { shrinksToHold = true }
            }
            guard case .relation(let admitted) = schema.definitions[definition].relations[tupleset].kind else { return }
            for kind in admitted { visit(kind.definition, computed, isSubtracted: isSubtracted) }
        case .union(let parts):
            for part in parts { visit(definition, part, isSubtracted: isSubtracted) }
        case .intersection(let parts):
            hasParts = true
            for part in parts { visit(definition, part, isSubtracted: isSubtracted) }
        case .exclusion(let base, let subtracted):
            if isSubtracted { shrinksToHold = true }
            visit(definition, base, isSubtracted: isSubtracted)
            visit(definition, subtracted, isSubtracted: true)
        }
    }
}
