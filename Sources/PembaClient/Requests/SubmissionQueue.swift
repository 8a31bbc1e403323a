// Pemba: the way of requests from any thread to the event loop.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Requests from any thread to the client's event loop, without a lock: a stack that is always taken whole.
///
/// Taking everything at once leaves no room for the ABA problem. Pushing and taking are sequentially consistent: the loop
/// sees what the pushing threads wrote into their requests, and a thread that pushes after the last take of a client that
/// is shut down sees that it is (`PembaClient.isShutDown`).
final class SubmissionQueue: Sendable {
    private let top = Atomic<Unmanaged<ClientRequest>?>(nil)

    /// Adds a request; true if the queue was empty, so that the loop must be woken.
    func push(_ request: ClientRequest) -> Bool {
        let pushed = Unmanaged.passRetained(request)
        var head = top.load(ordering: .relaxed)
        while true {
            request.next = head
            let (exchanged, original) = top.weakCompareExchange(
                expected: head,
                desired: pushed,
                successOrdering: .sequentiallyConsistent,
                failureOrdering: .relaxed
            )
            if exchanged { return head == nil }
            head = original
        }
    }

    /// Takes all requests and hands them to `body` in the order in which they came.
    func drain(_ body: (ClientRequest) -> Void) {
        var stack = top.exchange(nil, ordering: .sequentiallyConsistent)
        var queue: Unmanaged<ClientRequest>?
        while let request = stack {
            // The stack holds a reference of its own, so the object lives until it is taken below.
            stack = request._withUnsafeGuaranteedRef { object in
                let below = object.next
                object.next = queue
                return below
            }
            queue = request
        }
        while let request = queue {
            let object = request.takeRetainedValue()
            queue = object.next
            object.next = nil
            body(object)
        }
    }

    deinit { precondition(top.load(ordering: .acquiring) == nil, "requests were left in the queue of a client") }
}
