// Pemba: which subjects a relation admits.
// SPDX-License-Identifier: Apache-2.0

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
    /// The number of the caveat that a tuple with such a subject must carry; nil: it must carry none.
    package let caveat: Int?
    /// Whether a tuple with such a subject must carry a time at which it ends; otherwise it must carry none.
    package let hasExpiration: Bool

    /// Admits a kind of subject.
    package init(definition: Int, form: Form, caveat: Int? = nil, hasExpiration: Bool = false) {
        self.definition = definition
        self.form = form
        self.caveat = caveat
        self.hasExpiration = hasExpiration
    }
}
