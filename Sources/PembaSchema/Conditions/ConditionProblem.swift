// Pemba: what is wrong with a caveat's expression.
// SPDX-License-Identifier: Apache-2.0

/// Something that is wrong with a caveat's expression.
package struct ConditionProblem: Error, Sendable, Equatable {
    /// What it is about; stable, as diagnostics are made of it.
    package enum Kind: Sendable, Equatable {
        /// The text is no expression, or a constant in it cannot be read.
        case syntax
        /// A name that is no parameter, variable or function.
        case unknownName
        /// Operands for which the operator or function has no form.
        case typeMismatch
        /// The whole is not true or false.
        case notBoolean
        /// A parameter that the expression does not use.
        case unusedParameter
        /// More bytes, parameters or instructions than there may be.
        case tooLarge
        /// More levels than there may be.
        case tooDeep
        /// A part of the language that this version does not have.
        case unsupported
    }

    /// What it is about.
    package let kind: Kind
    /// What is wrong, in one sentence without a full stop.
    package let message: String
    /// Where, in bytes of the expression's text.
    package let range: Range<Int>
    /// The way out, if one is known.
    package let hint: String?
    /// The number of the parameter that it is about, if it is about one: the text then holds no place for it.
    package let parameter: Int?

    init(_ kind: Kind, _ message: String, at range: Range<Int>, hint: String? = nil, parameter: Int? = nil) {
        self.kind = kind
        self.message = message
        self.range = range
        self.hint = hint
        self.parameter = parameter
    }
}

/// Why an expression was refused: every problem that was found, in the order of the text.
package struct ConditionProblems: Error, Sendable, Equatable {
    /// The problems; never empty.
    package let all: [ConditionProblem]

    init(_ all: [ConditionProblem]) {
        precondition(!all.isEmpty, "an expression without problems was refused")
        self.all = all.sorted { $0.range.lowerBound < $1.range.lowerBound }
    }
}
