// Pemba: warns of what is allowed and probably not meant.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Only for schemas without errors.
///
/// A comment before a member or before its definition silences a warning: `// spicedb-ignore-warning: name`.
extension SchemaChecker {
    /// A member that is looked at, and where it stands.
    private struct Place {
        let definition: Int
        let member: MemberSyntax
        /// The warnings that comments silence here.
        let silenced: Set<DiagnosticCode>
    }

    /// Warns of what is allowed and probably not meant.
    mutating func lint() {
        for (definition, syntax) in tree.definitions.enumerated() {
            let silenced = text.silenced(syntax.comments)
            for member in syntax.members {
                let place = Place(
                    definition: definition,
                    member: member,
                    silenced: silenced.union(text.silenced(member.comments))
                )
                lintName(place)
                guard case .permission(let expression?) = member.kind else { continue }
                lint(expression, at: place)
            }
        }
    }

    private mutating func lintName(_ place: Place) {
        let (name, parent) = (place.member.name, tree.definitions[place.definition].name)
        guard name.text.hasSuffix(parent.text), !place.silenced.contains(.relationNameReferencesParent) else { return }
        collector.report(
            .relationNameReferencesParent,
            "\(place.member.kindName) \(text.quoted(name.range)) repeats the name of its definition "
                + text.quoted(parent.range),
            at: place.member.range,
            hint: "drop the suffix"
        )
    }

    private mutating func lint(_ expression: ExpressionSyntax, at place: Place) {
        switch expression.kind {
        case .empty, .selfReference: break
        case .name(let name):
            guard name.text == place.member.name.text, !place.silenced.contains(.permissionReferencesItself) else {
                return
            }
            collector.report(
                .permissionReferencesItself,
                "permission \(text.quoted(name.range)) names itself, which adds nothing",
                at: name.range,
                hint: "take it out of the expression"
            )
        case .arrow(let arrow): lint(arrow, at: place)
        case .union(let operands), .intersection(let operands), .exclusion(let operands):
            for operand in operands { lint(operand, at: place) }
        }
    }

    private mutating func lint(_ arrow: ArrowSyntax, at place: Place) {
        // The searches are by type: where somebody lists very many, they are left out to keep the time linear.
        let typesMax = 64
        guard let tupleset = memberNumbers[place.definition][arrow.tupleset.text],
            case .relation(let types) = tree.definitions[place.definition].members[tupleset].kind,
            types.count <= typesMax
        else { return }
        lintReach(arrow, over: types, at: place)
        lintTarget(arrow, over: types, at: place)
        guard let walked = types.first(where: \.isUserset), !place.silenced.contains(.arrowWalksSubjectRelation) else {
            return
        }
        collector.report(
            .arrowWalksSubjectRelation,
            "relation \(text.quoted(arrow.tupleset.range)) admits \(text.quoted(walked.range)): the arrow goes on from "
                + "\(text.quoted(walked.path.range)) itself and passes over the relation behind `#`",
            at: arrow.tupleset.range,
            hint: "admit \(text.quoted(walked.path.range)) where an arrow starts"
        )
    }

    private mutating func lintReach(_ arrow: ArrowSyntax, over types: [TypeSyntax], at place: Place) {
        let isReachable = types.contains { type in
            definitionNumbers[type.path.text].map { memberNumbers[$0][arrow.computed.text] != nil } ?? false
        }
        guard !isReachable, !place.silenced.contains(.arrowReferencesUnreachableRelation) else { return }
        let targets = types.compactMap { definitionNumbers[$0.path.text] }
        let names = targets.lazy.flatMap { [tree] in tree.definitions[$0].members.lazy.map(\.name.text) }
        collector.report(
            .arrowReferencesUnreachableRelation,
            "none of the types that \(text.quoted(arrow.tupleset.range)) admits has a relation or permission "
                + "\(text.quoted(arrow.computed.range)): this arrow leads to nobody",
            at: arrow.computed.range,
            hint: NameSuggestion.hint(for: arrow.computed.text, among: names.prefix(Limits.relationsPerDefinition))
        )
    }

    /// Inside one definition an arrow to a relation is common and clear; another definition may change its relations.
    private mutating func lintTarget(_ arrow: ArrowSyntax, over types: [TypeSyntax], at place: Place) {
        let target = types.lazy.compactMap { [definitionNumbers] in definitionNumbers[$0.path.text] }.first { [self] in
            guard $0 != place.definition, let number = memberNumbers[$0][arrow.computed.text] else { return false }
            return !tree.definitions[$0].members[number].isPermission
        }
        guard let target, !place.silenced.contains(.arrowReferencesRelation) else { return }
        collector.report(
            .arrowReferencesRelation,
            "\(text.quoted(arrow.computed.range)) is a relation of definition "
                + "\(text.quoted(tree.definitions[target].name.range)), not a permission",
            at: arrow.computed.range,
            hint: "point the arrow at a permission: relations may change while permissions keep their meaning"
        )
    }
}

extension TypeSyntax {
    /// Whether it admits usersets: `group#member`.
    fileprivate var isUserset: Bool {
        if case .userset = form { return true }
        return false
    }
}
