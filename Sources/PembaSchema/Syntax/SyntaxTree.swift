// Pemba: the syntax tree of a schema.
// SPDX-License-Identifier: Apache-2.0

/// What a schema says, before any name is looked up.
///
/// Ranges count bytes of the source.
struct SyntaxTree {
    /// The statements that set flags, in the order of the source.
    var flags: [FlagSyntax] = []
    /// The flags that they set.
    var enabled: Set<UseFlag> = []
    var imports: [ImportSyntax] = []
    /// The definitions in the order of the source.
    var definitions: [DefinitionSyntax] = []
    /// Members for definitions to take over: `partial name { … }`.
    var partials: [DefinitionSyntax] = []
    /// The caveats in the order of the source.
    var caveats: [CaveatSyntax] = []
    /// Whether something was left out that may have declared a type: an unknown type is no finding then.
    var isIncomplete = false
}

/// A name and where it stands.
struct NameSyntax {
    let text: String
    let range: Range<Int>
}

/// `use flag`.
struct FlagSyntax {
    let flag: UseFlag
    /// The whole statement.
    let range: Range<Int>
}

/// `import "path"`.
struct ImportSyntax {
    /// What stands between the quotation marks.
    let path: NameSyntax
    /// The whole statement.
    let range: Range<Int>
}

/// A definition, `definition name { … }`, or a partial, `partial name { … }`.
struct DefinitionSyntax {
    let name: NameSyntax
    /// From the keyword to the end of the name.
    let range: Range<Int>
    let comments: [CommentSyntax]
    var members: [MemberSyntax] = []
    var splices: [SpliceSyntax] = []
    /// Whether something was left out that may have declared a relation: an unknown relation is no finding then.
    var isIncomplete = false
}

/// `...name`: all members of a partial.
struct SpliceSyntax {
    let name: NameSyntax
    let range: Range<Int>
    /// How many members stand before it.
    let place: Int
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
    /// The types that a permission is declared to lead to: `permission name: type | type = …`; nil without them.
    let annotation: [NameSyntax]?
    let comments: [CommentSyntax]
    /// How many bytes all of it has, its comments included.
    let byteCount: Int
}

/// A kind of subject that a relation admits: `path`, `path:*`, `path#name` or `path#...`, and what follows `with`.
struct TypeSyntax {
    enum Form {
        /// `path` and `path#...`, which mean the same.
        case object
        case wildcard
        case userset(NameSyntax)
    }

    let path: NameSyntax
    let form: Form
    /// What follows `with`, up to `and`.
    let caveat: NameSyntax?
    /// Whether `expiration` follows `with`, alone or after a caveat.
    let hasExpiration: Bool
    let range: Range<Int>
}
