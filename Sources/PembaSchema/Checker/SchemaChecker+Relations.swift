// Pemba: checks which subjects relations admit.
// SPDX-License-Identifier: Apache-2.0

extension SchemaChecker {
    /// Checks the types of every relation.
    mutating func checkRelations(wildcards: WildcardReach) {
        for (definition, syntax) in tree.definitions.enumerated() {
            for member in syntax.members {
                guard case .relation(let types) = member.kind else { continue }
                // Few types are the rule; a set serves where somebody lists thousands.
                var seen: Set<String> = []
                for type in types {
                    if !seen.insert(type.canonicalText).inserted {
                        collector.report(
                            .duplicateType,
                            "relation \(text.quoted(member.name.range)) already admits \(text.quoted(type.range))",
                            at: type.range,
                            hint: "take the second one out"
                        )
                    } else {
                        check(type, of: member, in: definition, wildcards: wildcards)
                    }
                }
            }
        }
    }

    private mutating func check(
        _ type: TypeSyntax,
        of relation: MemberSyntax,
        in definition: Int,
        wildcards: WildcardReach
    ) {
        if let caveat = type.caveat { _ = number(ofCaveat: caveat, neededBy: relation.name) }
        let role = "relation \(text.quoted(relation.name.range)) admits"
        guard let target = number(ofType: type.path, role),
            case .userset(let name) = type.form, let subject = number(of: name, in: target)
        else { return }
        let isSameDefinition = type.path.text == tree.definitions[definition].name.text
        guard !isSameDefinition, let origin = wildcards.origin(definition: target, member: subject) else { return }
        collector.report(
            .transitiveWildcard,
            "relation \(text.quoted(relation.name.range)) admits \(text.quoted(type.range)), behind which stands a wildcard: "
                + "a wildcard reaches no other definition through a subject relation",
            at: type.range,
            hint: "admit the wildcard here directly, or take it out there",
            note: ("the wildcard", origin)
        )
    }
}

extension TypeSyntax {
    /// Equal for types that admit the same tuples: one type may be admitted with this caveat, with that and with none.
    var canonicalText: String {
        var text = path.text
        switch form {
        case .object: break
        case .wildcard: text += ":*"
        case .userset(let name): text += "#" + name.text
        }
        if let caveat { text += " with " + caveat.text }
        return hasExpiration ? text + " expires" : text
    }
}
