// Pemba: looks up the names of a schema.
// SPDX-License-Identifier: Apache-2.0

extension SchemaChecker {
    /// The number of `name` in a definition; where there is none, that is reported.
    mutating func number(of name: NameSyntax, in definition: Int) -> Int? {
        if let number = memberNumbers[definition][name.text] { return number }
        let syntax = tree.definitions[definition]
        guard !syntax.isIncomplete else { return nil }
        collector.report(
            .unknownRelation,
            "definition \(text.quoted(syntax.name.range)) has no relation or permission \(text.quoted(name.range))",
            at: name.range,
            hint: NameSuggestion.hint(for: name.text, among: syntax.members.lazy.map(\.name.text))
        )
        return nil
    }

    /// The number of a type that somebody admits or names; where there is none, that is reported.
    mutating func number(ofType path: NameSyntax, _ role: String) -> Int? {
        if let number = definitionNumbers[path.text] { return number }
        guard !tree.isIncomplete else { return nil }
        let quoted = text.quoted(path.range)
        collector.report(
            .unknownDefinition,
            "\(role) \(quoted), which no definition declares",
            at: path.range,
            hint: NameSuggestion.hint(for: path.text, among: tree.definitions.lazy.map(\.name.text))
                ?? (NameRule.definition.admits(path.text) ? "add `definition \(path.text) {}`" : nil)
        )
        return nil
    }

    /// The number of the caveat that a type needs; where there is none, that is reported.
    mutating func number(ofCaveat path: NameSyntax, neededBy relation: NameSyntax) -> Int? {
        if let number = caveatNumbers[path.text] { return number }
        guard !tree.isIncomplete else { return nil }
        collector.report(
            .unknownCaveat,
            "relation \(text.quoted(relation.range)) needs a caveat \(text.quoted(path.range)), which is not declared",
            at: path.range,
            hint: path.text == "expiration"
                ? "put `use expiration` at the top of the schema, if tuples are to end at a time"
                : NameSuggestion.hint(for: path.text, among: tree.caveats.lazy.map(\.name.text))
        )
        return nil
    }
}

extension MemberSyntax {
    /// What it is, for people.
    var kindName: String {
        switch kind {
        case .relation: "relation"
        case .permission: "permission"
        }
    }

    var isPermission: Bool {
        switch kind {
        case .relation: false
        case .permission: true
        }
    }
}
