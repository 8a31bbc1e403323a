// Pemba: a checked schema, ready for evaluation.
// SPDX-License-Identifier: Apache-2.0

/// A schema whose every name resolves: the product of `SchemaCompiler`, linked and evaluated by `PembaGraph`.
package struct CompiledSchema: Sendable, Equatable {
    /// The source it was compiled from, as written.
    package let source: String
    /// The definitions in the order of the source; a definition's place is its number in this schema.
    package let definitions: [CompiledDefinition]

    /// Makes a schema; the compiler is the only caller outside tests.
    package init(source: String, definitions: [CompiledDefinition]) {
        self.source = source
        self.definitions = definitions
    }
}

/// An object type: SpiceDB's definition, Zanzibar's namespace.
package struct CompiledDefinition: Sendable, Equatable {
    /// The type's name.
    package let name: String
    /// Relations and permissions in the order of the source; a relation's place is its number in this definition.
    package let relations: [CompiledRelation]

    /// Makes a definition.
    package init(name: String, relations: [CompiledRelation]) {
        self.name = name
        self.relations = relations
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

    /// Makes a relation or permission.
    package init(name: String, kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

/// A kind of subject that a relation admits.
package struct AllowedSubject: Sendable, Hashable {
    /// Which subjects of the type.
    package enum Form: Sendable, Hashable {
        /// Single objects: `user`.
        case object
        /// All objects at once: `user:*`.
        case wildcard
        /// Usersets: `group#member`; the number of the relation or permission in the subject's definition.
        case userset(Int)
    }

    /// The number of the subject's definition.
    package let definition: Int
    /// Which subjects of that definition.
    package let form: Form

    /// Admits a kind of subject.
    package init(definition: Int, form: Form) {
        self.definition = definition
        self.form = form
    }
}

/// How a permission is computed (Zanzibar paper, section 2.3.1).
///
/// Numbers of relations are places in a definition.
package indirect enum UsersetRewrite: Sendable, Equatable {
    /// Nobody: `nil`.
    case empty
    /// Whoever has the relation or permission with this number on the same object.
    case computedUserset(Int)
    /// Whoever has `computed` on the objects that the relation `tupleset` of this object points to: `parent->view`.
    ///
    /// `computed` is a name because each type that `tupleset` admits has its own number for it, or lacks it.
    case tupleToUserset(tupleset: Int, computed: String, function: ArrowFunction)
    /// Whoever is in any of these: `a + b`. Flattened: no member is itself a union. At least two.
    case union([UsersetRewrite])
    /// Whoever is in all of these: `a & b`. Flattened. At least two.
    case intersection([UsersetRewrite])
    /// Whoever is in `base` and not in `subtracted`: `base - subtracted`.
    case exclusion(base: UsersetRewrite, subtracted: UsersetRewrite)
}

/// How the objects behind an arrow count.
package enum ArrowFunction: Sendable, Equatable {
    /// One of them is enough: `parent->view` and `parent.any(view)`.
    case any
    /// There is at least one, and each must have it: `parent.all(view)`. An object whose type lacks the name does not.
    case all
}
