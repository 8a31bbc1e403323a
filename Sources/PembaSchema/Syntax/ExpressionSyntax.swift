// Pemba: the syntax tree of a permission's expression.
// SPDX-License-Identifier: Apache-2.0

/// An expression of a permission.
struct ExpressionSyntax {
    indirect enum Kind {
        /// `nil`
        case empty
        /// `self`
        case selfReference
        case name(NameSyntax)
        case arrow(ArrowSyntax)
        /// Of two or more, none of which is a union.
        case union([ExpressionSyntax])
        /// Of two or more, none of which is an intersection.
        case intersection([ExpressionSyntax])
        /// The first without the second, without the third, and so on: two or more.
        case exclusion([ExpressionSyntax])
    }

    var kind: Kind
    let range: Range<Int>
    /// Levels of operators, at most `Limits.expressionDepth`: what walks an expression may recurse.
    let depth: Int
}

/// `tupleset->computed`, `tupleset.any(computed)` or `tupleset.all(computed)`.
struct ArrowSyntax {
    let tupleset: NameSyntax
    let computed: NameSyntax
    let function: ArrowFunction
    /// Where another arrow follows, which reads well and means nothing: from the tupleset to the end of this arrow.
    let nestedIn: Range<Int>?
}
