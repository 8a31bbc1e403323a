// Pemba: checks the expressions of permissions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension SchemaChecker {
    /// Checks every name in every expression, and that no permissions are only each other's names.
    mutating func checkPermissions(wildcards: WildcardReach) {
        for (definition, syntax) in tree.definitions.enumerated() {
            for member in syntax.members {
                guard case .permission(let expression?) = member.kind else { continue }
                check(expression, of: member.name, in: definition, wildcards: wildcards)
            }
            checkCycles(in: definition)
        }
    }

    private mutating func check(
        _ expression: ExpressionSyntax,
        of permission: NameSyntax,
        in definition: Int,
        wildcards: WildcardReach
    ) {
        switch expression.kind {
        case .empty, .selfReference: break
        case .name(let name): _ = number(of: name, in: definition)
        case .arrow(let arrow): check(arrow, in: definition, wildcards: wildcards)
        case .union(let operands), .intersection(let operands), .exclusion(let operands):
            for operand in operands { check(operand, of: permission, in: definition, wildcards: wildcards) }
        }
    }

    private mutating func check(_ arrow: ArrowSyntax, in definition: Int, wildcards: WildcardReach) {
        if let range = arrow.nestedIn {
            collector.report(
                .nestedArrow,
                "an arrow cannot start from an arrow",
                at: range,
                hint: "give \(text.quoted(range)) a permission of its own in the definition behind "
                    + "\(text.quoted(arrow.tupleset.range)), and point one arrow at that"
            )
        }
        if !NameRule.relation.admits(arrow.computed.text) {
            collector.report(
                .invalidName,
                "\(text.quoted(arrow.computed.range)) is no name for a relation or permission: \(NameRule.relation.text)",
                at: arrow.computed.range
            )
        }
        guard let tupleset = number(of: arrow.tupleset, in: definition) else { return }
        let target = tree.definitions[definition].members[tupleset]
        let quoted = text.quoted(arrow.tupleset.range)
        if target.isPermission {
            collector.report(
                .permissionLeftOfArrow,
                "\(quoted) is a permission; on the left of an arrow stands a relation, which holds objects to walk to",
                at: arrow.tupleset.range,
                note: ("the permission", target.range)
            )
        } else if let origin = wildcards.origin(definition: definition, member: tupleset) {
            collector.report(
                .wildcardInArrow,
                "behind relation \(quoted) stands a wildcard, and an arrow cannot walk to every object",
                at: arrow.tupleset.range,
                hint: "use a relation without a wildcard on the left of an arrow",
                note: ("the wildcard", origin)
            )
        }
    }

    // MARK: Cycles

    /// Reports permissions that are nothing but each other's names: such a cycle says nothing about anybody.
    ///
    /// Other cycles have a meaning, their least fixed point.
    private mutating func checkCycles(in definition: Int) {
        let members = tree.definitions[definition].members
        let numbers = memberNumbers[definition]
        let aliases = members.map { member -> Int? in
            guard case .permission(let expression?) = member.kind, case .name(let name) = expression.kind,
                let number = numbers[name.text], members[number].isPermission
            else { return nil }
            return number
        }
        // The walk that visited each permission: meeting one of the present walk closes a cycle.
        var walks = [Int](repeating: -1, count: members.count)
        for start in members.indices where aliases[start] != nil && walks[start] < 0 {
            var current = start
            while walks[current] < 0, let next = aliases[current] {
                walks[current] = start
                current = next
            }
            guard walks[current] == start else { continue }
            var names = [text.quoted(members[current].name.range)]
            var next = aliases[current]
            while let number = next, number != current {
                names.append(text.quoted(members[number].name.range))
                next = aliases[number]
            }
            let shown = names.prefix(8).joined(separator: " → ")
            collector.report(
                .permissionCycle,
                "the permissions of definition \(text.quoted(tree.definitions[definition].name.range)) go round in a circle: "
                    + "\(shown)\(names.count > 8 ? " → …" : "") → \(names[0])",
                at: members[current].range,
                hint: "let one of them name a relation"
            )
        }
    }
}
