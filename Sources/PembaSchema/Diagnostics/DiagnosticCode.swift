// Pemba: what can be wrong with a schema, by stable name.
// SPDX-License-Identifier: Apache-2.0

/// What a diagnostic is about.
///
/// Names are stable: tools and tests may rely on them.
package enum DiagnosticCode: String, Sendable, CaseIterable {
    // Characters.
    /// A character that no token begins with.
    case invalidCharacter = "invalid-character"
    /// A comment or string that does not end.
    case unterminated

    // Syntax.
    /// Something else than `definition` at the top level.
    case expectedDefinition = "expected-definition"
    /// Something else than a relation, a permission or `}` inside a definition.
    case expectedMember = "expected-member"
    /// A name is missing.
    case expectedName = "expected-name"
    /// One certain mark, such as `:`, is missing.
    case expectedMark = "expected-mark"
    /// An operand of an expression is missing.
    case expectedExpression = "expected-expression"
    /// A relation or permission goes on where it should end.
    case expectedEnd = "expected-end"
    /// An arrow function that is neither `any` nor `all`.
    case unknownArrowFunction = "unknown-arrow-function"
    /// A definition whose `}` is missing.
    case unclosedDefinition = "unclosed-definition"
    /// A `use` of something that the language does not have.
    case unknownUseFlag = "unknown-use-flag"
    /// A `use` after the first definition.
    case misplacedUse = "misplaced-use"
    /// A part of the language that this version does not have.
    case unsupportedFeature = "unsupported-feature"

    // Limits.
    /// More bytes than a schema may have.
    case schemaTooLarge = "schema-too-large"
    /// More definitions than a schema may have.
    case tooManyDefinitions = "too-many-definitions"
    /// More relations and permissions than a definition may have.
    case tooManyRelations = "too-many-relations"
    /// An expression with too many levels.
    case expressionTooDeep = "expression-too-deep"

    // Names.
    /// A name that breaks the rule for its kind.
    case invalidName = "invalid-name"
    /// Two definitions of one name.
    case duplicateDefinition = "duplicate-definition"
    /// Two relations or permissions of one name in one definition.
    case duplicateRelation = "duplicate-relation"
    /// A type that no definition declares.
    case unknownDefinition = "unknown-definition"
    /// A relation or permission that its definition does not have.
    case unknownRelation = "unknown-relation"

    // Types.
    /// A kind of subject admitted twice by one relation.
    case duplicateType = "duplicate-type"
    /// A subject relation of another definition behind which a wildcard stands.
    case transitiveWildcard = "transitive-wildcard"
    /// A permission on the left of an arrow.
    case permissionLeftOfArrow = "permission-left-of-arrow"
    /// A relation on the left of an arrow behind which a wildcard stands.
    case wildcardInArrow = "wildcard-in-arrow"
    /// An arrow on the left of an arrow.
    case nestedArrow = "nested-arrow"
    /// Permissions that are nothing but each other's names.
    case permissionCycle = "permission-cycle"

    // Warnings.
    /// A type annotation that is read and ignored.
    case ignoredTypeAnnotation = "ignored-type-annotation"
    /// A permission that names itself.
    case permissionReferencesItself = "permission-references-itself"
    /// An arrow to a name that none of the types behind it has.
    case arrowReferencesUnreachableRelation = "arrow-references-unreachable-relation"

    /// Whether it makes the schema unusable.
    package var severity: Diagnostic.Severity {
        switch self {
        case .ignoredTypeAnnotation, .permissionReferencesItself, .arrowReferencesUnreachableRelation: .warning
        default: .error
        }
    }
}
