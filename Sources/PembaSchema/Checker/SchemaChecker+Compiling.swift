// Pemba: makes the compiled schema of a checked tree.
// SPDX-License-Identifier: Apache-2.0

/// Only for trees without errors: every name resolves, so a name that does not is a mistake of the checker.
extension SchemaChecker {
    /// The compiled schema.
    func compiled() -> CompiledSchema {
        CompiledSchema(
            source: text.source,
            definitions: tree.definitions.indices.map { definition in
                let syntax = tree.definitions[definition]
                return CompiledDefinition(
                    name: syntax.name.text,
                    relations: syntax.members.map { compiled($0, in: definition) },
                    documentation: text.documentation(syntax.comments)
                )
            },
            caveats: tree.caveats.indices.map(compiledCaveat),
            ids: tree.enabled.contains(.spiceDBIDs) ? .spiceDB : .any
        )
    }

    private func compiledCaveat(_ number: Int) -> CompiledCaveat {
        let syntax = tree.caveats[number]
        guard let body = syntax.body, let checked = conditions[number] else {
            preconditionFailure("a caveat without a condition passed the checks: \(syntax.name.text)")
        }
        return CompiledCaveat(
            name: syntax.name.text,
            parameters: checked.parameters,
            condition: checked.condition,
            body: text.string(body),
            documentation: text.documentation(syntax.comments)
        )
    }

    private func compiled(_ member: MemberSyntax, in definition: Int) -> CompiledRelation {
        let kind: CompiledRelation.Kind
        switch member.kind {
        case .relation(let types): kind = .relation(types.map(compiled))
        case .permission(let expression):
            guard let expression else { preconditionFailure("a permission without an expression passed the checks") }
            kind = .permission(compiled(expression, in: definition))
        }
        return CompiledRelation(
            name: member.name.text,
            kind: kind,
            resultTypes: member.annotation?.map(\.text),
            documentation: text.documentation(member.comments)
        )
    }

    private func compiled(_ type: TypeSyntax) -> AllowedSubject {
        guard let definition = definitionNumbers[type.path.text] else {
            preconditionFailure("an unknown type passed the checks: \(type.path.text)")
        }
        let form: AllowedSubject.Form =
            switch type.form {
            case .object: .object
            case .wildcard: .wildcard
            case .userset(let name): .userset(resolved(name, in: definition))
            }
        return AllowedSubject(
            definition: definition,
            form: form,
            caveat: type.caveat.map(resolvedCaveat),
            hasExpiration: type.hasExpiration
        )
    }

    private func resolvedCaveat(_ name: NameSyntax) -> Int {
        guard let number = caveatNumbers[name.text] else {
            preconditionFailure("an unknown caveat passed the checks: \(name.text)")
        }
        return number
    }

    private func compiled(_ expression: ExpressionSyntax, in definition: Int) -> UsersetRewrite {
        switch expression.kind {
        case .empty: return .empty
        case .selfReference: return .selfReference
        case .name(let name): return .computedUserset(resolved(name, in: definition))
        case .arrow(let arrow):
            return .tupleToUserset(
                tupleset: resolved(arrow.tupleset, in: definition),
                computed: arrow.computed.text,
                function: arrow.function
            )
        case .union(let operands): return .union(operands.map { compiled($0, in: definition) })
        case .intersection(let operands): return .intersection(operands.map { compiled($0, in: definition) })
        case .exclusion(let operands):
            return operands.dropFirst().reduce(compiled(operands[0], in: definition)) { base, operand in
                .exclusion(base: base, subtracted: compiled(operand, in: definition))
            }
        }
    }

    private func resolved(_ name: NameSyntax, in definition: Int) -> Int {
        guard let number = memberNumbers[definition][name.text] else {
            preconditionFailure("an unknown name passed the checks: \(name.text)")
        }
        return number
    }
}
