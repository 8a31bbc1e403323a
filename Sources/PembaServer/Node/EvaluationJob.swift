// Pemba: one read that waits for its turn.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService

/// One read that waits for its turn or is under way: a check, all checks of a bulk, a page of tuples, a lookup, or
/// what a subject has on a resource.
final class EvaluationJob {
    /// The request.
    let request: PendingRequest
    /// The payload of its frame, in memory of its own: views into it stay valid as long as the job lives.
    let payload: UnsafeRawBufferPointer
    /// The state that it is evaluated at, once it has begun; nil while it is held.
    private(set) var basis: Basis?
    /// That state's zookie.
    private(set) var zookie: Zookie?
    /// The state, once the graph may have changed since the last slice.
    private var held: HeldBasis?
    /// The check under way, if it is suspended.
    var suspended: Evaluation?
    /// The lookup under way.
    var lookup: LookupRun?
    /// The listing of permissions under way.
    var listing: PermissionListing?
    /// How far a read of tuples has come.
    var page: ReadProgress?
    /// Where the parts of its answer go, if it is answered by a stream.
    var stream: AnswerStream?
    /// The checks of a bulk, once it has begun.
    var bulk: BulkProgress?

    init(_ request: PendingRequest, copying payload: UnsafeRawBufferPointer) {
        self.request = request
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 16)
        memory.copyMemory(from: payload)
        self.payload = UnsafeRawBufferPointer(memory)
    }

    deinit { payload.deallocate() }

    /// Whether it is one of those that take much memory while they are under way.
    var isLookup: Bool {
        switch request.kind {
        case .lookupResources, .lookupSubjects: true
        default: false
        }
    }

    /// Whether something would be lost if it began anew.
    var hasBegun: Bool { basis != nil || held != nil }

    /// Takes the state that it is evaluated at from now on.
    func begin(at state: (basis: Basis, zookie: Zookie)) {
        basis = state.basis
        zookie = state.zookie
    }

    /// Lets go of the graph before it changes; what was found out stays.
    func hold(_ graph: Graph) {
        guard let basis else { return }
        suspended?.hold()
        lookup?.hold()
        listing?.hold()
        held = graph.hold(basis)
        self.basis = nil
    }

    /// Goes on at its own state after the graph has changed, if it has.
    func move(to graph: Graph) throws(RequestError) {
        guard let held else { return }
        let basis = try RequestError.asking { () throws(GraphError) in try graph.basis(of: held) }
        suspended?.move(to: basis)
        lookup?.move(to: basis)
        listing?.move(to: basis)
        self.basis = basis
        self.held = nil
    }

    /// Gives up what was found out: it ends, or begins anew.
    func release(_ graph: Graph) {
        if let suspended { graph.abandon(suspended) }
        suspended = nil
        lookup = nil
        listing = nil
        bulk = nil
        page = nil
        basis = nil
        held = nil
    }
}

/// How far the checks of a bulk have come.
struct BulkProgress {
    /// Visits that its slow checks may make, and those that are left.
    let visitsMax: Int
    var visitsLeft: Int
    /// The checks, and the JSON of their contexts if any has one.
    var views: [CheckView] = []
    var contexts: [UnsafeRawBufferPointer] = []
    /// How many levels each of them may go down.
    var depth = Int.max
    /// Their answers, as far as they are known.
    var results: [Result<Decision, ServiceError>?] = []
    /// Checks that went through their first slice.
    var tried = 0
    /// Those of them that need more, the next one last.
    var slow: [Int] = []
}
