// Pemba: makes the compiled schema of a checked tree.
// SPDX-License-Identifier: Apache-2.0

/// Only for trees without errors: every name resolves, so a name that does not is a mistake of the checker.
extension SchemaChecker {
    /// The compiled schema.
    func compiled() -> CompiledSchema {
        CompiledSchema(
            source: text.source,
            definitions: tree.definitions.indices.map { definition in
                CompiledDefinition(
                    name: tree.definitions[definition].name.text,
                    relations: tree.definitions[definition].members.map { compiled($0, in: definition) }
                )
            }
        )
    }

    private func compiled(_ member: MemberSyntax, in definition: Int) -> CompiledRelation {
        switch member.kind {
        case .relation(let types):
            return CompiledRelation(name: member.name.text, kind: .relation(types.map(compiled)))
        case .permission(let expression):
            guard let expression else { preconditionFailure("a permission without an expression passed the checks") }
            return CompiledRelation(name: member.name.text, kind: .permission(compiled(expression, in: definition)))
        }
    }

    private func compiled(_ type: TypeSyntax) -> AllowedSubject {
        guard let definition = definitionNumbers[type.path.text] else {
            preconditionFailure("an unknown type passed the checks: \(type.path.text)")
        }
        switch type.form {
        case .object: return AllowedSubject(definition: definition, form: .object)
        case .wildcard: return AllowedSubject(definition: definition, form: .wildcard)
        case .userset(let name):
            return AllowedSubject(definition: definition, form: .userset(resolved(name, in: definition)))
        }
    }

    private func compiled(_ expression: ExpressionSyntax, in definition: Int) -> UsersetRewrite {
        switch expression.kind {
        case .empty: return .empty
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
