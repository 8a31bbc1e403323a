// Pemba: what evaluating a condition may come to.
// SPDX-License-Identifier: Apache-2.0

/// What a condition says about the arguments that it was given.
package enum ConditionOutcome: Sendable, Equatable {
    /// It is true, whatever the missing arguments may be.
    case holds
    /// It is false, whatever the missing arguments may be.
    case fails
    /// It depends on arguments that are missing: the names of those parameters, by their bytes, each once.
    case unknown(missing: [String])
}

/// Why a condition has no outcome.
package enum ConditionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The expression has no value for these arguments, for the reason given.
    case evaluationFailed(String)
    /// The evaluation took more steps than it may.
    case costExceeded(limit: Int)

    /// For people.
    package var description: String {
        switch self {
        case .evaluationFailed(let reason): reason
        case .costExceeded(let limit):
            "the condition takes more than \(limit) steps; give it shorter lists and texts, or make it simpler"
        }
    }
}
