// Pemba: the syntax tree of a schema.
// SPDX-License-Identifier: Apache-2.0

/// What a schema says, before any name is looked up.
///
/// Ranges count bytes of the source.
struct SyntaxTree {
    /// The definitions in the order of the source.
    var definitions: [DefinitionSyntax] = []
    /// Whether something was left out that may have declared a type: an unknown type is no finding then.
    var isIncomplete = false
}

/// A name and where it stands.
struct NameSyntax {
    let text: String
    let range: Range<Int>
}

/// A definition: `definition name { … }`.
struct DefinitionSyntax {
    let name: NameSyntax
    /// From the keyword to the end of the name.
    let range: Range<Int>
    var members: [MemberSyntax] = []
    /// Whether something was left out that may have declared a relation: an unknown relation is no finding then.
    var isIncomplete = false
}

/// A relation or permission of a definition.
struct MemberSyntax {
    enum Kind {
        /// `relation name: type | type`, with the types that could be read.
        case relation([TypeSyntax])
        /// `permission name = expression`; nil where the expression could not be read.
        case permission(ExpressionSyntax?)
    }

    let name: NameSyntax
    /// From the keyword to the end of the name.
    let range: Range<Int>
    let kind: Kind
}

/// A kind of subject that a relation admits: `path`, `path:*`, `path#name` or `path#...`.
struct TypeSyntax {
    enum Form {
        /// `path` and `path#...`, which mean the same.
        case object
        case wildcard
        case userset(NameSyntax)
    }

    let path: NameSyntax
    let form: Form
    let range: Range<Int>
}

/// An expression of a permission.
struct ExpressionSyntax {
    indirect enum Kind {
        /// `nil`
        case empty
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
