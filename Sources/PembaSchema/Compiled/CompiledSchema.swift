// Pemba: a checked schema, ready for evaluation.
// SPDX-License-Identifier: Apache-2.0

/// A schema whose every name resolves: the product of `SchemaCompiler`, linked and evaluated by `PembaGraph`.
package struct CompiledSchema: Sendable, Equatable {
    /// The source it was compiled from, as written.
    package let source: String
    /// The definitions in the order of the source; a definition's place is its number in this schema.
    package let definitions: [CompiledDefinition]
    /// The caveats in the order of the source; a caveat's place is its number in this schema.
    package let caveats: [CompiledCaveat]
    /// Which ids relationships may have.
    package let ids: IDRule

    /// Makes a schema; the compiler is the only caller outside tests.
    package init(
        source: String,
        definitions: [CompiledDefinition],
        caveats: [CompiledCaveat] = [],
        ids: IDRule = .any
    ) {
        self.source = source
        self.definitions = definitions
        self.caveats = caveats
        self.ids = ids
    }
}

/// An object type: SpiceDB's definition, Zanzibar's namespace.
package struct CompiledDefinition: Sendable, Equatable {
    /// The type's name.
    package let name: String
    /// Relations and permissions in the order of the source; a relation's place is its number in this definition.
    package let relations: [CompiledRelation]
    /// What the comments before it say, without their marks.
    package let documentation: String?

    /// Makes a definition.
    package init(name: String, relations: [CompiledRelation], documentation: String? = nil) {
        self.name = name
        self.relations = relations
        self.documentation = documentation
    }
}

/// A relation, which holds tuples, or a permission, which is computed.
package struct CompiledRelation: Sendable, Equatable {
    /// What is behind the name.
    package enum Kind: Sendable, Equatable {
        /// Tuples are stored; these subjects are admitted, in the order of the source, without repeats.
        case relation([AllowedSubject])
        /// Computed from other relations; holds no tuples.
        case permission(UsersetRewrite)
    }

    /// The relation's or permission's name.
    package let name: String
    /// What is behind the name.
    package let kind: Kind
    /// The types of subjects that a permission was declared to lead to, in the order of the source; nil without
    /// such an annotation or without `use typechecking`.
    package let resultTypes: [String]?
    /// What the comments before it say, without their marks.
    package let documentation: String?

    /// Makes a relation or permission.
    package init(name: String, kind: Kind, resultTypes: [String]? = nil, documentation: String? = nil) {
        self.name = name
        self.kind = kind
        self.resultTypes = resultTypes
        self.documentation = documentation
    }
}
