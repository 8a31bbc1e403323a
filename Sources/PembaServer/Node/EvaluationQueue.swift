// Pemba: reads that wait for their turn.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaGraph
import PembaService

/// One read that waits for its turn or is under way: a check, all checks of a bulk, a page of tuples, or a lookup.
final class EvaluationJob {
    /// The request.
    let request: PendingRequest
    /// The payload of its frame, in memory of its own: views into it stay valid as long as the job lives.
    let payload: UnsafeRawBufferPointer
    /// The state that it is evaluated at, and that state's zookie, once it has begun.
    ///
    /// Given up whenever others get their turn, since the graph may change then.
    var state: (basis: Basis, zookie: Zookie)?
    /// The check under way, if it is suspended.
    var suspended: Evaluation?
    /// The lookup under way.
    var lookup: LookupRun?
    /// Where the parts of its answer go, if it is answered by a stream.
    var stream: AnswerStream?
    /// The checks of a bulk, once it has begun, and the JSON of their contexts if any has one.
    var views: [CheckView] = []
    var contexts: [UnsafeRawBufferPointer] = []
    /// How many levels each check of a bulk may go down.
    var depth = Int.max
    /// Their answers, as far as they are known.
    var results: [Result<Decision, ServiceError>?] = []
    /// Checks of a bulk that went through their first slice.
    var tried = 0
    /// Those of them that need more, the next one last.
    var slow: [Int] = []
    /// Visits that the slow checks of a bulk may still make.
    var visitsLeft: Int

    init(_ request: PendingRequest, copying payload: UnsafeRawBufferPointer, visits: Int) {
        self.request = request
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: payload.count, alignment: 16)
        memory.copyMemory(from: payload)
        self.payload = UnsafeRawBufferPointer(memory)
        visitsLeft = visits
    }

    deinit { payload.deallocate() }
}

/// The order in which evaluations are done; at most one is under way, and while it is, nothing is applied.
struct EvaluationQueue {
    /// The one under way: begun, not ended.
    var current: EvaluationJob?
    private var waiting: Deque<EvaluationJob> = []

    /// Whether an evaluation has been begun and goes on later: entries must not be applied in between.
    var isSuspended: Bool { current != nil }

    /// How many wait or are under way.
    var count: Int { waiting.count + (current == nil ? 0 : 1) }

    /// Adds one at the end.
    mutating func append(_ job: EvaluationJob) { waiting.append(job) }

    /// Makes the next one current; nil if none waits.
    mutating func next() -> EvaluationJob? {
        precondition(current == nil, "an evaluation was begun while another is under way")
        current = waiting.popFirst()
        return current
    }
}
