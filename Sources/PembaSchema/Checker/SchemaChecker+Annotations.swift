// Pemba: checks which types permissions lead to.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Under `use typechecking` a permission may name the types of its subjects: all that it leads to must be among them.
extension SchemaChecker {
    /// Checks every annotation; only for schemas without errors.
    mutating func checkAnnotations() {
        var stepsLeft = Limits.typeCheckSteps
        for (definition, syntax) in tree.definitions.enumerated() {
            for (number, member) in syntax.members.enumerated() {
                guard let annotation = member.annotation else { continue }
                let role = "the annotation of permission \(text.quoted(member.name.range)) names"
                let named = annotation.compactMap { self.number(ofType: $0, role) }
                guard named.count == annotation.count else { continue }
                let reached = reachedTypes(
                    from: MemberNumber(definition: definition, member: number),
                    stepsLeft: &stepsLeft
                )
                guard stepsLeft > 0 else { return reportTypeCheckTooLarge(at: member) }
                report(reached.subtracting(named), missingIn: annotation, of: member)
            }
        }
    }

    private mutating func report(_ missing: Set<Int>, missingIn annotation: [NameSyntax], of member: MemberSyntax) {
        guard !missing.isEmpty else { return }
        let names = missing.sorted().map { text.quoted(tree.definitions[$0].name.range) }
        let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
        collector.report(
            .incompleteTypeAnnotation,
            "permission \(text.quoted(member.name.range)) also leads to \(shown), which its annotation does not name",
            at: annotation[0].range.lowerBound..<annotation[annotation.count - 1].range.upperBound,
            hint: "add what is missing to the annotation, or take it out of the expression"
        )
    }

    private mutating func reportTypeCheckTooLarge(at member: MemberSyntax) {
        collector.report(
            .typeCheckTooLarge,
            "checking the annotations of this schema takes more than \(Limits.typeCheckSteps) steps",
            at: member.range,
            hint: "annotate fewer permissions"
        )
    }

    // MARK: Reach

    /// The types of all subjects that a relation or permission can have, whether a tuple ever makes them so.
    ///
    /// What is subtracted counts as well, as upstream. The walk is over places not yet seen, so that cycles end.
    private func reachedTypes(from start: MemberNumber, stepsLeft: inout Int) -> Set<Int> {
        var types: Set<Int> = []
        var seen: Set<MemberNumber> = [start]
        var frontier = [start]
        while let here = frontier.popLast() {
            var next: [MemberNumber] = []
            switch tree.definitions[here.definition].members[here.member].kind {
            case .relation(let subjects):
                for subject in subjects { collect(subject, into: &types, &next) }
                stepsLeft -= subjects.count
            case .permission(let expression):
                if let expression { collect(expression, in: here.definition, into: &types, &next, &stepsLeft) }
            }
            guard stepsLeft > 0 else { return [] }
            for place in next where seen.insert(place).inserted { frontier.append(place) }
        }
        return types
    }

    private func collect(
        _ subject: TypeSyntax,
        into types: inout Set<Int>,
        _ next: inout [MemberNumber]
    ) {
        guard let definition = definitionNumbers[subject.path.text] else { return }
        if case .userset(let name) = subject.form {
            if let member = memberNumbers[definition][name.text] {
                next.append(MemberNumber(definition: definition, member: member))
            }
        } else {
            types.insert(definition)
        }
    }

    private func collect(
        _ expression: ExpressionSyntax,
        in definition: Int,
        into types: inout Set<Int>,
        _ next: inout [MemberNumber],
        _ stepsLeft: inout Int
    ) {
        stepsLeft -= 1
        guard stepsLeft > 0 else { return }
        switch expression.kind {
        case .empty: break
        case .selfReference: types.insert(definition)
        case .name(let name):
            if let member = memberNumbers[definition][name.text] {
                next.append(MemberNumber(definition: definition, member: member))
            }
        case .arrow(let arrow):
            guard let tupleset = memberNumbers[definition][arrow.tupleset.text],
                case .relation(let subjects) = tree.definitions[definition].members[tupleset].kind
            else { return }
            stepsLeft -= subjects.count
            guard stepsLeft > 0 else { return }
            for subject in subjects {
                guard let target = definitionNumbers[subject.path.text],
                    let member = memberNumbers[target][arrow.computed.text]
                else { continue }
                next.append(MemberNumber(definition: target, member: member))
            }
        case .union(let operands), .intersection(let operands), .exclusion(let operands):
            for operand in operands { collect(operand, in: definition, into: &types, &next, &stepsLeft) }
        }
    }
}
