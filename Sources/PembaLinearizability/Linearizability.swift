// Pemba: whether some order of concurrent operations explains their answers.
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a history of one object is linearizable (Herlihy and Wing, "Linearizability: a correctness condition
/// for concurrent objects", 1990).
///
/// Each operation must seem to happen at one moment between its beginning and its end. The search is Wing and Gong's
/// ("Testing and verifying concurrent objects", 1993) with Lowe's memory of what was tried ("Testing for linearizability",
/// 2017): it looks for the next operation among those that began before the first pending one ended, and never twice in
/// the same state with the same operations done. Objects that do not share state are checked one by one, which is
/// sufficient and makes long histories short.
package enum Linearizability {
    /// The outcome of a search.
    package enum Verdict: Sendable, Hashable {
        /// Some order explains every answer.
        case linearizable
        /// None does; no order gets past the end of the operation with this number.
        case violated(at: Int)
        /// The search took more memory than it may.
        case undecided
    }

    /// Positions that a search remembers at most; each takes about 100 bytes.
    package static let memoMax = 4_000_000

    /// The verdict on a history of one object, its operations in any order.
    ///
    /// Operations that end and begin at the same time are taken to overlap.
    package static func check<Model: SequentialModel>(
        _ operations: [TimedOperation<Model.Operation>],
        of model: Model,
        memoMax: Int = Linearizability.memoMax
    ) -> Verdict {
        var search = LinearizationSearch(operations, of: model, memoMax: memoMax)
        return search.run()
    }
}
