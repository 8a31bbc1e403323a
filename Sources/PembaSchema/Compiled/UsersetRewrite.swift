// Pemba: how permissions are computed.
// SPDX-License-Identifier: Apache-2.0

/// How a permission is computed (Zanzibar paper, section 2.3.1).
///
/// Numbers of relations are places in a definition.
package indirect enum UsersetRewrite: Sendable, Equatable {
    /// Nobody: `nil`.
    case empty
    /// The object itself, as a subject of its own: `self`.
    case selfReference
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
