// Pemba: the arguments of conditions.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Values for the parameters of one caveat, by the numbers of the parameters, some of which may be missing.
package struct ConditionArguments: Sendable {
    /// What to do with members of a context that no parameter asks for.
    package enum UnknownKeys: Sendable {
        /// Refuse them, as for the context that a tuple stores.
        case refuse
        /// Leave them alone, as for the context of a request, which serves many caveats.
        case ignore
    }

    /// By number of the parameter; nil where it is missing.
    let values: [ConditionValue?]

    /// Converts a context once, for any number of evaluations.
    package static func convert(
        _ context: ContextObject,
        parameters: [ConditionParameter],
        unknownKeys: UnknownKeys
    ) throws(ConditionArgumentError) -> ConditionArguments {
        var values: [ConditionValue?] = []
        values.reserveCapacity(parameters.count)
        var found = 0
        for parameter in parameters {
            guard let given = context[parameter.name] else {
                values.append(nil)
                continue
            }
            found += 1
            values.append(try ArgumentConverter(parameter: parameter).convert(given))
        }
        if unknownKeys == .refuse, found < context.entries.count {
            let unknown = context.entries.first { entry in !parameters.contains { $0.name.hasSameBytes(as: entry.key) }
            }
            if let unknown { throw ConditionArgumentError(parameter: unknown.key, problem: .unknownParameter) }
        }
        return ConditionArguments(values: values)
    }

    /// These arguments where they are given, and those of `request` where they are missing.
    package func merging(over request: ConditionArguments) -> ConditionArguments {
        precondition(values.count == request.values.count, "arguments of two different caveats were merged")
        return ConditionArguments(values: zip(values, request.values).map { $0 ?? $1 })
    }
}

/// Why a context does not suit a caveat.
package struct ConditionArgumentError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong.
    package enum Problem: Sendable, Equatable {
        /// The caveat has no such parameter.
        case unknownParameter
        /// The value, or one inside it, is not of the type that stands there; `given` is its JSON, cut if it is long.
        case wrongType(expected: String, given: String, place: String, reason: String?)
    }

    /// The parameter.
    package let parameter: String
    /// What is wrong with its value.
    package let problem: Problem

    /// For people.
    package var description: String {
        switch problem {
        case .unknownParameter:
            return "the caveat has no parameter `\(parameter)`; leave it out of the context"
        case .wrongType(let expected, let given, let place, let reason):
            let text = "`\(parameter)\(place)` takes a value of type \(expected), and `\(given)` is none"
            return reason.map { "\(text): \($0)" } ?? text
        }
    }
}
