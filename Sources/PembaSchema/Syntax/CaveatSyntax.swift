// Pemba: the syntax tree of a caveat.
// SPDX-License-Identifier: Apache-2.0

/// A caveat: `caveat name(parameter type, …) { condition }`.
struct CaveatSyntax {
    let name: NameSyntax
    /// From the keyword to the end of the name.
    let range: Range<Int>
    let comments: [CommentSyntax]
    var parameters: [ParameterSyntax] = []
    /// The condition without the space around it; nil where parameters or condition could not be read.
    var body: Range<Int>?
}

/// A parameter of a caveat: `name type`.
struct ParameterSyntax {
    let name: NameSyntax
    let type: ParameterTypeSyntax
}

/// The type of a parameter, `name` or `name<type, …>`, at most `Limits.parameterTypeDepth` levels deep.
struct ParameterTypeSyntax {
    let name: NameSyntax
    let arguments: [ParameterTypeSyntax]
}
