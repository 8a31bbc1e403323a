// Pemba: checks fields, indexes and the entries of lists and maps.
// SPDX-License-Identifier: Apache-2.0

extension ConditionChecker {
    // MARK: Fields

    mutating func checkField(
        _ target: ConditionExpression,
        _ field: String,
        isOptional: Bool,
        _ expression: ConditionExpression
    ) -> Checked {
        if let path = expression.path, let type = ConditionTypeName(rawValue: path) { return constant(.type(type)) }
        let checked = check(target)
        guard let type = partType(of: checked.type, isOptional: isOptional, fieldType) else {
            return noFields(checked.type, field, at: expression.range)
        }
        let key = addConstant(.string(field))
        return Checked(node: add(.field(checked.node, key: key, isOptional: isOptional)), type: type)
    }

    /// `has(target.field)`.
    mutating func checkPresence(_ call: ConditionCall) -> Checked {
        guard case .field(let target, let field, let isOptional) = call.arguments[0].kind, !isOptional else {
            return refused(
                .syntax,
                "`has` asks for a field, as in `has(a.b)`",
                at: call.arguments[0].range,
                hint: "for a key that is no name write `'key' in a`, for an optional value `a.?b.hasValue()`"
            )
        }
        let checked = check(target)
        guard partType(of: checked.type, isOptional: false, fieldType) != nil else {
            return noFields(checked.type, field, at: call.arguments[0].range)
        }
        return Checked(node: add(.hasField(checked.node, key: addConstant(.string(field)))), type: .bool)
    }

    /// The type of the fields of a type; nil if it has none.
    private func fieldType(of type: CheckedType) -> CheckedType? {
        switch type {
        case .dynamic: .dynamic
        case .map(.string, let value), .map(.dynamic, let value), .map(.open, let value): value
        default: nil
        }
    }

    private mutating func noFields(_ type: CheckedType, _ field: String, at range: Range<Int>) -> Checked {
        refused(.typeMismatch, "a value of type \(type.description) has no fields such as `\(field)`", at: range)
    }

    /// The type of a part of something, by the type that `part` finds for it: an optional one if the whole is optional
    /// or the part is to be; nil if there are no such parts.
    private func partType(
        of whole: CheckedType,
        isOptional: Bool,
        _ part: (CheckedType) -> CheckedType?
    ) -> CheckedType? {
        guard let type = part(whole.held ?? whole) else { return nil }
        return isOptional || whole.held != nil ? .optional(type) : type.taken
    }

    // MARK: Indexes

    mutating func checkIndex(
        _ target: ConditionExpression,
        _ index: ConditionExpression,
        isOptional: Bool
    ) -> Checked {
        let collection = check(target)
        let key = check(index)
        let type = partType(of: collection.type, isOptional: isOptional) { type in
            switch type {
            case .dynamic: .dynamic
            case .list(let element): key.type.fits(.int) ? element : nil
            case .map(let keyType, let value): key.type.isComparable(with: keyType) ? value : nil
            default: nil
            }
        }
        guard let type else { return mismatch(.index, [collection.type, key.type], at: index.range) }
        let instruction = ConditionProgram.Instruction.index(collection.node, key.node, isOptional: isOptional)
        return folded(instruction, [collection, key], type, at: index.range)
    }

    // MARK: Lists and maps

    mutating func checkList(_ elements: [(isOptional: Bool, value: ConditionExpression)]) -> Checked {
        let checked = elements.map { checkEntry($0.value, isOptional: $0.isOptional) }
        let type = checked.reduce(CheckedType.open) { $0.joined($1.type) }
        let (first, count) = addOperands(checked.map(\.node))
        return folded(.list(first: first, count: count), checked, .list(type), at: 0..<0)
    }

    mutating func checkMap(
        _ entries: [(isOptional: Bool, key: ConditionExpression, value: ConditionExpression)]
    ) -> Checked {
        var checked: [Checked] = []
        var keyType = CheckedType.open
        var valueType = CheckedType.open
        for entry in entries {
            let key = check(entry.key)
            let value = checkEntry(entry.value, isOptional: entry.isOptional)
            switch key.type {
            case .dynamic, .bool, .int, .uint, .string: break
            default:
                return refused(
                    .typeMismatch,
                    "a value of type \(key.type.description) can be no key of a map",
                    at: entry.key.range
                )
            }
            keyType = keyType.joined(key.type)
            valueType = valueType.joined(value.type)
            checked += [key, value]
        }
        let (first, count) = addOperands(checked.map(\.node))
        return folded(.map(first: first, count: count), checked, .map(keyType, valueType), at: 0..<0)
    }

    /// An element or the value of an entry; with a `?` before it, it is what an optional value holds.
    private mutating func checkEntry(_ expression: ConditionExpression, isOptional: Bool) -> Checked {
        let checked = check(expression)
        guard isOptional else { return checked }
        let held: CheckedType
        switch checked.type {
        case .dynamic: held = .dynamic
        case .optional(let type): held = type
        default:
            return refused(
                .typeMismatch,
                "an entry with `?` takes an optional value, and this is a value of type \(checked.type.description)",
                at: expression.range,
                hint: "leave the `?` out, or write `optional.of(…)`"
            )
        }
        return Checked(node: add(.optionalEntry(checked.node)), type: held)
    }
}

extension ConditionExpression {
    /// Names with `.` between them as one text; nil for anything else.
    fileprivate var path: String? {
        switch kind {
        case .name(let name, _): name
        case .field(let target, let field, isOptional: false): target.path.map { "\($0).\(field)" }
        default: nil
        }
    }
}
