// Pemba: checks what a schema says, name by name and type by type.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Checks the syntax tree of a schema and makes the compiled schema of it.
///
/// Definitions and members keep their places in the tree as their numbers. Of two with one name, the first counts.
struct SchemaChecker {
    let tree: SyntaxTree
    let text: SourceText
    var collector: DiagnosticCollector
    /// The number of each definition.
    private(set) var definitionNumbers: [String: Int] = [:]
    /// The number of each relation and permission, by definition.
    private(set) var memberNumbers: [[String: Int]] = []

    /// Checks the tree; nil if anything, here or before, is an error.
    static func check(
        _ tree: SyntaxTree,
        of text: SourceText,
        into collector: inout DiagnosticCollector
    ) -> CompiledSchema? {
        var checker = SchemaChecker(tree: tree, text: text, collector: collector)
        checker.declareDefinitions()
        checker.declareMembers()
        let wildcards = WildcardReach(of: checker)
        checker.checkRelations(wildcards: wildcards)
        checker.checkPermissions(wildcards: wildcards)
        if !checker.collector.hasErrors { checker.lintPermissions() }
        collector = checker.collector
        return collector.hasErrors ? nil : checker.compiled()
    }

    private init(tree: SyntaxTree, text: SourceText, collector: DiagnosticCollector) {
        self.tree = tree
        self.text = text
        self.collector = collector
    }

    // MARK: Declarations

    private mutating func declareDefinitions() {
        for (number, definition) in tree.definitions.enumerated() {
            if number == Limits.definitionsPerSchema {
                collector.report(
                    .tooManyDefinitions,
                    "a schema has at most \(Limits.definitionsPerSchema) definitions, this one has \(tree.definitions.count)",
                    at: definition.range
                )
            }
            let name = definition.name
            if !NameRule.definition.admits(name.text) {
                collector.report(
                    .invalidName,
                    "\(text.quoted(name.range)) is no name for a definition: \(NameRule.definition.text)",
                    at: definition.range
                )
            }
            if let first = definitionNumbers[name.text] {
                collector.report(
                    .duplicateDefinition,
                    "definition \(text.quoted(name.range)) is already declared",
                    at: definition.range,
                    hint: "merge the two, or choose another name",
                    note: ("the first declaration", tree.definitions[first].range)
                )
            } else {
                definitionNumbers[name.text] = number
            }
        }
    }

    private mutating func declareMembers() {
        memberNumbers.reserveCapacity(tree.definitions.count)
        for definition in tree.definitions {
            var numbers: [String: Int] = [:]
            for (number, member) in definition.members.enumerated() {
                if number == Limits.relationsPerDefinition {
                    collector.report(
                        .tooManyRelations,
                        "a definition has at most \(Limits.relationsPerDefinition) relations and permissions, "
                            + "\(text.quoted(definition.name.range)) has \(definition.members.count)",
                        at: member.range
                    )
                }
                declare(member, numbered: number, of: definition, in: &numbers)
            }
            memberNumbers.append(numbers)
        }
    }

    private mutating func declare(
        _ member: MemberSyntax,
        numbered number: Int,
        of definition: DefinitionSyntax,
        in numbers: inout [String: Int]
    ) {
        let quoted = text.quoted(member.name.range)
        if !NameRule.relation.admits(member.name.text) {
            collector.report(
                .invalidName,
                "\(quoted) is no name for a \(member.kindName): \(NameRule.relation.text)",
                at: member.range
            )
        }
        if let first = numbers[member.name.text] {
            let other = definition.members[first]
            collector.report(
                .duplicateRelation,
                "definition \(text.quoted(definition.name.range)) already has a \(other.kindName) \(quoted)",
                at: member.range,
                hint: "choose another name",
                note: ("the first declaration", other.range)
            )
        } else {
            numbers[member.name.text] = number
        }
    }

    // MARK: Names

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

    /// The number of a type; where there is none, that is reported.
    mutating func number(ofType path: NameSyntax, admittedBy relation: NameSyntax) -> Int? {
        if let number = definitionNumbers[path.text] { return number }
        guard !tree.isIncomplete else { return nil }
        let quoted = text.quoted(path.range)
        collector.report(
            .unknownDefinition,
            "relation \(text.quoted(relation.range)) admits \(quoted), which no definition declares",
            at: path.range,
            hint: NameSuggestion.hint(for: path.text, among: tree.definitions.lazy.map(\.name.text))
                ?? (NameRule.definition.admits(path.text) ? "add `definition \(path.text) {}`" : nil)
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
