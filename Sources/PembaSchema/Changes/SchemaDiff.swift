// Pemba: what changes from one schema to another.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Finds what changes from one schema to another.
///
/// Names decide what is the same; order, spaces and numbers do not count.
package struct SchemaDiff {
    private let old: CompiledSchema
    private let new: CompiledSchema
    private var changes: [SchemaChange] = []

    /// All changes: the rule for ids, then what is gone in the order of the old schema, then what is new or changed in
    /// that of the new one, definitions before caveats.
    package static func changes(from old: CompiledSchema, to new: CompiledSchema) -> [SchemaChange] {
        var diff = SchemaDiff(old: old, new: new)
        if old.ids != new.ids { diff.changes.append(.idRuleChanged(to: new.ids)) }
        diff.compareDefinitions()
        diff.compareCaveats()
        return diff.changes
    }

    private init(old: CompiledSchema, new: CompiledSchema) {
        self.old = old
        self.new = new
    }

    /// The members of two lists with one name, and those that only one of the lists has.
    private static func match<Element>(
        _ old: [Element],
        _ new: [Element],
        by name: (Element) -> String,
        removed: (Element) -> Void,
        kept: (Element, Element) -> Void,
        added: (Element) -> Void
    ) {
        let olds = Dictionary(old.map { (name($0), $0) }) { first, _ in first }
        let names = Set(new.map(name))
        for element in old where !names.contains(name(element)) { removed(element) }
        for element in new {
            if let before = olds[name(element)] { kept(before, element) } else { added(element) }
        }
    }

    // MARK: Definitions

    private mutating func compareDefinitions() {
        var changes: [SchemaChange] = []
        SchemaDiff.match(
            old.definitions,
            new.definitions,
            by: \.name,
            removed: { changes.append(.definitionRemoved($0.name)) },
            kept: { changes += self.changes(from: $0, to: $1) },
            added: { changes.append(.definitionAdded($0.name)) }
        )
        self.changes += changes
    }

    private func changes(from old: CompiledDefinition, to new: CompiledDefinition) -> [SchemaChange] {
        var changes: [SchemaChange] = []
        if old.documentation != new.documentation { changes.append(.definitionDocumentationChanged(new.name)) }
        SchemaDiff.match(
            old.relations,
            new.relations,
            // One name may be a relation before and a permission after: those are two things.
            by: { $0.isPermission ? "permission \($0.name)" : $0.name },
            removed: { changes.append($0.removal(from: new.name)) },
            kept: { changes += self.changes(from: ($0, old), to: ($1, new)) },
            added: { changes.append($0.addition(to: new.name)) }
        )
        return changes
    }

    private func changes(
        from old: (relation: CompiledRelation, definition: CompiledDefinition),
        to new: (relation: CompiledRelation, definition: CompiledDefinition)
    ) -> [SchemaChange] {
        let (definition, name) = (new.definition.name, new.relation.name)
        let isDocumentationChanged = old.relation.documentation != new.relation.documentation
        var changes: [SchemaChange] = []
        switch (old.relation.kind, new.relation.kind) {
        case (.relation(let before), .relation(let after)):
            let (before, after) = (before.map(self.old.text(of:)), after.map(self.new.text(of:)))
            let (olds, news) = (Set(before), Set(after))
            for subject in before where !news.contains(subject) {
                changes.append(.subjectRemoved(definition: definition, relation: name, subject: subject))
            }
            for subject in after where !olds.contains(subject) {
                changes.append(.subjectAdded(definition: definition, relation: name, subject: subject))
            }
            guard isDocumentationChanged else { return changes }
            changes.append(.relationDocumentationChanged(definition: definition, relation: name))
        case (.permission(let before), .permission(let after)):
            let (before, after) = (old.definition.text(of: before), new.definition.text(of: after))
            if before != after {
                changes.append(
                    .permissionChanged(definition: definition, permission: name, from: before, to: after)
                )
            }
            if old.relation.resultTypes.map(Set.init) != new.relation.resultTypes.map(Set.init) {
                changes.append(.permissionTypesChanged(definition: definition, permission: name))
            }
            guard isDocumentationChanged else { return changes }
            changes.append(.permissionDocumentationChanged(definition: definition, permission: name))
        case (.relation, .permission), (.permission, .relation):
            preconditionFailure("a relation and a permission were taken for one")
        }
        return changes
    }

    // MARK: Caveats

    private mutating func compareCaveats() {
        var changes: [SchemaChange] = []
        SchemaDiff.match(
            old.caveats,
            new.caveats,
            by: \.name,
            removed: { changes.append(.caveatRemoved($0.name)) },
            kept: { changes += SchemaDiff.changes(from: $0, to: $1) },
            added: { changes.append(.caveatAdded($0.name)) }
        )
        self.changes += changes
    }

    private static func changes(from old: CompiledCaveat, to new: CompiledCaveat) -> [SchemaChange] {
        var changes: [SchemaChange] = []
        match(
            old.parameters,
            new.parameters,
            by: \.name,
            removed: { changes.append(.parameterRemoved(caveat: new.name, parameter: $0.name)) },
            kept: {
                guard $0.type != $1.type else { return }
                changes.append(
                    .parameterTypeChanged(
                        caveat: new.name,
                        parameter: $1.name,
                        from: $0.type.description,
                        to: $1.type.description
                    )
                )
            },
            added: { changes.append(.parameterAdded(caveat: new.name, parameter: $0.name)) }
        )
        if !isSameText(old.body, new.body) { changes.append(.conditionChanged(new.name)) }
        if old.documentation != new.documentation { changes.append(.caveatDocumentationChanged(new.name)) }
        return changes
    }

    /// Whether two conditions are the same but for spaces and comments.
    private static func isSameText(_ old: String, _ new: String) -> Bool {
        old.hasSameBytes(as: new) || words(old) == words(new)
    }

    private static func words(_ condition: String) -> [[UInt8]] {
        let text = SourceText(condition)
        var lexer = Lexer(text)
        lexer.isInCondition = true
        var words: [[UInt8]] = []
        while true {
            let token = lexer.next()
            guard token.kind != .end else { return words }
            if token.kind != .lineEnd { words.append(Array(text.bytes[token.range])) }
        }
    }
}

extension CompiledRelation {
    fileprivate var isPermission: Bool {
        switch kind {
        case .relation: false
        case .permission: true
        }
    }

    fileprivate func removal(from definition: String) -> SchemaChange {
        isPermission
            ? .permissionRemoved(definition: definition, permission: name)
            : .relationRemoved(definition: definition, relation: name)
    }

    fileprivate func addition(to definition: String) -> SchemaChange {
        isPermission
            ? .permissionAdded(definition: definition, permission: name)
            : .relationAdded(definition: definition, relation: name)
    }
}
