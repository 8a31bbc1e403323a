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
    /// Something else than a definition or caveat at the top level.
    case expectedDefinition = "expected-definition"
    /// Something else than a relation, a permission or `}` inside a definition.
    case expectedMember = "expected-member"
    /// A name is missing.
    case expectedName = "expected-name"
    /// One certain mark, such as `:`, is missing.
    case expectedMark = "expected-mark"
    /// An operand of an expression is missing.
    case expectedExpression = "expected-expression"
    /// The condition of a caveat is missing.
    case expectedCondition = "expected-condition"
    /// A relation or permission goes on where it should end.
    case expectedEnd = "expected-end"
    /// An arrow function that is neither `any` nor `all`.
    case unknownArrowFunction = "unknown-arrow-function"
    /// A definition or partial whose `}` is missing.
    case unclosedDefinition = "unclosed-definition"
    /// A caveat whose `}` is missing.
    case unclosedCaveat = "unclosed-caveat"
    /// A `use` of something that the language does not have.
    case unknownUseFlag = "unknown-use-flag"
    /// A `use` after the first definition.
    case misplacedUse = "misplaced-use"
    /// A part of the language that has no place here: an import, where nothing can be imported from.
    case unsupportedFeature = "unsupported-feature"

    // Limits.
    /// More bytes than a schema may have.
    case schemaTooLarge = "schema-too-large"
    /// More definitions than a schema may have.
    case tooManyDefinitions = "too-many-definitions"
    /// More relations and permissions than a definition may have.
    case tooManyRelations = "too-many-relations"
    /// More caveats than a schema may have.
    case tooManyCaveats = "too-many-caveats"
    /// More parameters than a caveat may have.
    case tooManyParameters = "too-many-parameters"
    /// An expression with too many levels.
    case expressionTooDeep = "expression-too-deep"
    /// The type of a parameter with too many levels.
    case parameterTypeTooDeep = "parameter-type-too-deep"
    /// Partials inside partials inside partials, too many times.
    case partialsTooDeep = "partials-too-deep"
    /// Partials that come to too much when they are taken over.
    case partialsTooLarge = "partials-too-large"
    /// Annotated types whose check takes too long.
    case typeCheckTooLarge = "type-check-too-large"

    // Names.
    /// A name that breaks the rule for its kind.
    case invalidName = "invalid-name"
    /// Two definitions, partials or caveats of one name.
    case duplicateDefinition = "duplicate-definition"
    /// Two relations or permissions of one name in one definition.
    case duplicateRelation = "duplicate-relation"
    /// Two parameters of one name in one caveat.
    case duplicateParameter = "duplicate-parameter"
    /// A type that no definition declares.
    case unknownDefinition = "unknown-definition"
    /// A relation or permission that its definition does not have.
    case unknownRelation = "unknown-relation"
    /// A caveat that is not declared.
    case unknownCaveat = "unknown-caveat"
    /// A partial that is not declared.
    case unknownPartial = "unknown-partial"
    /// Partials that take each other over.
    case partialCycle = "partial-cycle"

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
    /// A permission that leads to a type that its annotation does not name.
    case incompleteTypeAnnotation = "incomplete-type-annotation"
    /// A type that parameters cannot have.
    case unknownParameterType = "unknown-parameter-type"

    // Conditions.
    /// A condition that cannot be read.
    case conditionSyntax = "condition-syntax"
    /// A name in a condition that is no parameter and no function.
    case conditionUnknownName = "condition-unknown-name"
    /// An operation in a condition that does not go with the types of its operands.
    case conditionTypeMismatch = "condition-type-mismatch"
    /// A condition that is not true or false.
    case conditionNotBoolean = "condition-not-boolean"
    /// A parameter that the condition does not use.
    case unusedParameter = "unused-parameter"
    /// A condition with more than a condition may have.
    case conditionTooLarge = "condition-too-large"
    /// A condition with too many levels.
    case conditionTooDeep = "condition-too-deep"
    /// A part of the condition language that there is not.
    case conditionUnsupported = "condition-unsupported"

    // Imports.
    /// A file that cannot be found.
    case importNotFound = "import-not-found"
    /// A path that leads out of the folder of the schema.
    case importNotLocal = "import-not-local"
    /// Files that import each other.
    case importCycle = "import-cycle"
    /// More imported files, or files inside files, than a schema may have.
    case tooManyImports = "too-many-imports"

    // Warnings; those that SpiceDB has bear its names.
    /// A type annotation that is read and ignored.
    case ignoredTypeAnnotation = "ignored-type-annotation"
    /// A permission that names itself.
    case permissionReferencesItself = "permission-references-itself"
    /// A relation or permission whose name ends with that of its definition.
    case relationNameReferencesParent = "relation-name-references-parent"
    /// An arrow to a relation of another definition rather than to a permission.
    case arrowReferencesRelation = "arrow-references-relation"
    /// An arrow to a name that none of the types behind it has.
    case arrowReferencesUnreachableRelation = "arrow-references-unreachable-relation"
    /// An arrow over subjects that are usersets, whose relation it passes over.
    case arrowWalksSubjectRelation = "arrow-walks-subject-relation"

    /// Whether it makes the schema unusable.
    package var severity: Diagnostic.Severity {
        switch self {
        case .ignoredTypeAnnotation, .permissionReferencesItself, .relationNameReferencesParent,
            .arrowReferencesRelation, .arrowReferencesUnreachableRelation, .arrowWalksSubjectRelation:
            .warning
        default: .error
        }
    }
}
