// Pemba: which operands the functions of conditions take.
// SPDX-License-Identifier: Apache-2.0

/// One form of a function.
struct Signature: Sendable {
    let function: ConditionFunction
    /// What it is a method of; nil for what is called without one.
    let target: CheckedType?
    let arguments: [CheckedType]
    let result: CheckedType

    private init(
        _ function: ConditionFunction,
        on target: CheckedType? = nil,
        _ arguments: CheckedType...,
        to result: CheckedType
    ) {
        self.function = function
        self.target = target
        self.arguments = arguments
        self.result = result
    }

    /// The result of a function for operands of these types; nil if none of its forms takes them.
    static func result(
        of function: ConditionFunction,
        on target: CheckedType?,
        _ arguments: [CheckedType]
    ) -> CheckedType? {
        let results = all.filter { $0.function == function && $0.takes(target, arguments) }.map(\.result)
        guard let first = results.first else { return nil }
        let operands = (target.map { [$0] } ?? []) + arguments
        return refined(results.allSatisfy { $0 == first } ? first : .dynamic, of: function, operands)
    }

    /// The result of a function of optional values, which depends on what they hold; nil if that does not go together.
    private static func refined(
        _ result: CheckedType,
        of function: ConditionFunction,
        _ operands: [CheckedType]
    ) -> CheckedType? {
        switch function {
        case .optionalOf, .optionalOfNonZeroValue: return .optional(operands[0])
        case .value: return operands[0].held ?? .dynamic
        case .or:
            guard operands[0].fits(operands[1]) else { return nil }
            return operands[0].asOptional.joined(operands[1].asOptional)
        case .orValue:
            guard case .optional(let held) = operands[0] else { return .dynamic }
            return held.fits(operands[1]) ? held.joined(operands[1]) : nil
        default: return result
        }
    }

    private func takes(_ target: CheckedType?, _ arguments: [CheckedType]) -> Bool {
        switch (target, self.target) {
        case (nil, nil): break
        case (let given?, let asked?): guard given.fits(asked) else { return false }
        default: return false
        }
        return arguments.count == self.arguments.count
            && zip(arguments, self.arguments).allSatisfy { $0.fits($1) }
    }

    /// Whether a function is called as a method, without one, or both.
    static func forms(of function: ConditionFunction) -> (method: Bool, plain: Bool) {
        let own = all.filter { $0.function == function }
        return (own.contains { $0.target != nil }, own.contains { $0.target == nil })
    }

    private static let all: [Signature] = ordering + arithmetic + texts + conversions + times + optionals

    private static let ordering: [Signature] =
        [ConditionFunction.less, .lessOrEqual, .greater, .greaterOrEqual].flatMap { function in
            [CheckedType.bool, .int, .uint, .double, .string, .bytes, .timestamp, .duration]
                .map { Signature(function, $0, $0, to: .bool) } + [
                    Signature(function, .int, .uint, to: .bool), Signature(function, .uint, .int, to: .bool),
                ]
        }

    private static let arithmetic: [Signature] =
        [ConditionFunction.add, .subtract, .multiply, .divide, .modulo].flatMap { function in
            [Signature(function, .int, .int, to: .int), Signature(function, .uint, .uint, to: .uint)]
        }
        + [ConditionFunction.add, .subtract, .multiply, .divide].map { Signature($0, .double, .double, to: .double) }
        + [
            Signature(.add, .string, .string, to: .string), Signature(.add, .bytes, .bytes, to: .bytes),
            Signature(.add, .list(.dynamic), .list(.dynamic), to: .list(.dynamic)),
            Signature(.add, .duration, .duration, to: .duration),
            Signature(.add, .timestamp, .duration, to: .timestamp),
            Signature(.add, .duration, .timestamp, to: .timestamp),
            Signature(.subtract, .duration, .duration, to: .duration),
            Signature(.subtract, .timestamp, .duration, to: .timestamp),
            Signature(.subtract, .timestamp, .timestamp, to: .duration),
            Signature(.negate, .int, to: .int), Signature(.negate, .double, to: .double),
            Signature(.negate, .duration, to: .duration),
        ]

    private static let texts: [Signature] =
        [CheckedType.string, .bytes, .list(.dynamic), .map(.dynamic, .dynamic)].flatMap {
            [Signature(.size, $0, to: .int), Signature(.size, on: $0, to: .int)]
        }
        + [ConditionFunction.contains, .startsWith, .endsWith, .matches].map {
            Signature($0, on: .string, .string, to: .bool)
        }
        + [
            Signature(.matches, .string, .string, to: .bool),
            Signature(.inCIDR, on: .ipAddress, .string, to: .bool),
            Signature(.isSubtreeOf, on: .map(.string, .dynamic), .map(.string, .dynamic), to: .bool),
        ]

    private static let conversions: [Signature] =
        [
            (
                ConditionFunction.int, CheckedType.int,
                [CheckedType.int, .uint, .double, .string, .timestamp, .duration]
            ),
            (.uint, .uint, [.uint, .int, .double, .string]), (.double, .double, [.double, .int, .uint, .string]),
            (
                .string, .string,
                [.string, .bool, .int, .uint, .double, .bytes, .timestamp, .duration, .ipAddress]
            ),
            (.bytes, .bytes, [.bytes, .string]), (.bool, .bool, [.bool, .string]),
            (.timestamp, .timestamp, [.timestamp, .string, .int]), (.duration, .duration, [.duration, .string]),
            (.ipAddress, .ipAddress, [.ipAddress, .string]), (.dyn, .dynamic, [.dynamic]), (.type, .type, [.dynamic]),
        ].flatMap { function, result, arguments in arguments.map { Signature(function, $0, to: result) } }

    private static let times: [Signature] =
        [
            ConditionFunction.getFullYear, .getMonth, .getDate, .getDayOfMonth, .getDayOfWeek, .getDayOfYear,
            .getHours, .getMinutes, .getSeconds, .getMilliseconds,
        ].flatMap {
            [Signature($0, on: .timestamp, to: .int), Signature($0, on: .timestamp, .string, to: .int)]
        }
        + [ConditionFunction.getHours, .getMinutes, .getSeconds, .getMilliseconds].map {
            Signature($0, on: .duration, to: .int)
        }

    private static let optionals: [Signature] = [
        Signature(.optionalOf, .dynamic, to: .optional(.dynamic)),
        Signature(.optionalOfNonZeroValue, .dynamic, to: .optional(.dynamic)),
        Signature(.optionalNone, to: .optional(.open)),
        Signature(.hasValue, on: .optional(.dynamic), to: .bool),
        Signature(.value, on: .optional(.dynamic), to: .dynamic),
        Signature(.or, on: .optional(.dynamic), .optional(.dynamic), to: .optional(.dynamic)),
        Signature(.orValue, on: .optional(.dynamic), .dynamic, to: .dynamic),
    ]
}
