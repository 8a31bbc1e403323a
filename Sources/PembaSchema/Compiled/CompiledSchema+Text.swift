// Pemba: parts of a compiled schema as people write them.
// SPDX-License-Identifier: Apache-2.0

extension CompiledSchema {
    /// A kind of subject as a relation admits it: `group#member with tier and expiration`.
    package func text(of subject: AllowedSubject) -> String {
        let definition = definitions[subject.definition]
        var text = definition.name
        switch subject.form {
        case .object: break
        case .wildcard: text += ":*"
        case .userset(let relation): text += "#" + definition.relations[relation].name
        }
        switch (subject.caveat, subject.hasExpiration) {
        case (nil, false): return text
        case (nil, true): return text + " with expiration"
        case (let caveat?, false): return text + " with " + caveats[caveat].name
        case (let caveat?, true): return text + " with " + caveats[caveat].name + " and expiration"
        }
    }
}

extension CompiledDefinition {
    /// An expression of one of the permissions, with every operation inside another in parentheses.
    ///
    /// Equal for expressions that are built alike, whatever the numbers of what they name.
    package func text(of rewrite: UsersetRewrite) -> String { text(of: rewrite, isInside: false) }

    /// Recursion is bounded by `Limits.expressionDepth`.
    private func text(of rewrite: UsersetRewrite, isInside: Bool) -> String {
        let text: String
        switch rewrite {
        case .empty: return "nil"
        case .selfReference: return "self"
        case .computedUserset(let number): return relations[number].name
        case .tupleToUserset(let tupleset, let computed, .any): return "\(relations[tupleset].name)->\(computed)"
        case .tupleToUserset(let tupleset, let computed, .all): return "\(relations[tupleset].name).all(\(computed))"
        case .union(let members): text = join(members, " + ")
        case .intersection(let members): text = join(members, " & ")
        case .exclusion(let base, let subtracted): text = join([base, subtracted], " - ")
        }
        return isInside ? "(\(text))" : text
    }

    private func join(_ members: [UsersetRewrite], _ mark: String) -> String {
        members.map { text(of: $0, isInside: true) }.joined(separator: mark)
    }
}
