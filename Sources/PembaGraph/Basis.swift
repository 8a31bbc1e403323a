// Pemba: the state that a request is evaluated at.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// One state of tuples and schema, as an evaluation reads it: the present one, or one that an overlay makes.
///
/// Valid until the graph changes.
package final class Basis {
    /// What the hot path reads, behind a pointer so that reading it takes no reference and no access check.
    struct Hot {
        var view: GraphView
        var names: NameIndex
        var hasSchema: Bool
    }

    let hot: UnsafeMutablePointer<Hot>
    /// The schema of the state; keeps alive what `hot` points to.
    private(set) var linked: LinkedSchema
    /// The log's time at the state, in nanoseconds.
    var time: Int64
    /// What differs from the stored rows; nil for the present state.
    let overlay: RowOverlay?
    /// The source of the schema; nil before the first.
    package var schemaSource: String? { hot.pointee.hasSchema ? linked.schema.source : nil }
    /// How many types `wildcards` has room for.
    private(set) var typeCount: Int
    /// What it was made of.
    let origin: Origin

    /// What a state was made of, so that a variant of it can be made (`Graph.basis(on:adding:hiding:)`).
    struct Origin {
        /// The revision of the past; nil for the present.
        var revision: Revision?
        var added: [RelationTuple] = []
        var hidden: [RelationTuple] = []
    }

    init(
        _ linked: LinkedSchema,
        _ view: GraphView,
        time: Int64,
        overlay: RowOverlay?,
        hasSchema: Bool,
        typeCount: Int,
        origin: Origin = Origin()
    ) {
        self.origin = origin
        self.linked = linked
        self.time = time
        self.overlay = overlay
        self.typeCount = typeCount
        hot = .allocate(capacity: 1)
        hot.initialize(to: Hot(view: view, names: linked.names, hasSchema: hasSchema))
    }

    deinit {
        hot.pointee.view.wildcards.deallocate()
        hot.deallocate()
    }

    /// Puts another schema in place.
    func install(_ new: LinkedSchema, _ view: GraphView, typeCount: Int) {
        hot.pointee.view.wildcards.deallocate()
        hot.pointee = Hot(view: view, names: new.names, hasSchema: true)
        self.typeCount = typeCount
        linked = new
    }
}
