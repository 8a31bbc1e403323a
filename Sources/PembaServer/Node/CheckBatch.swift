// Pemba: checks that are evaluated together.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaWire

/// Checks of one burst that are evaluated together, where their frames lie.
///
/// Nothing is copied: it must be empty again when the burst ends. It is behind pointers because each access to a property
/// of a class is checked for overlap at run time, several times for every check. The owner calls `release`.
struct CheckBatch {
    /// How many checks are resolved together, so that their cache misses overlap.
    static let width = 16

    /// Which request a check is, and its whole payload.
    struct Item: BitwiseCopyable {
        var correlation: UInt64
        var payload: UnsafeRawBufferPointer
    }

    private let state: UnsafeMutablePointer<Int>
    private let viewMemory: UnsafeMutablePointer<CheckView>
    private let itemMemory: UnsafeMutablePointer<Item>
    /// Takes the plain answers.
    let answers: CheckAnswerBlock

    init() {
        state = .allocate(capacity: 1)
        state.initialize(to: 0)
        viewMemory = .allocate(capacity: CheckBatch.width)
        itemMemory = .allocate(capacity: CheckBatch.width)
        answers = CheckAnswerBlock(capacity: CheckBatch.width)
    }

    func release() {
        state.deallocate()
        viewMemory.deallocate()
        itemMemory.deallocate()
        answers.release()
    }

    /// How many there are.
    var count: Int { state.pointee }

    /// Whether they are to be evaluated before another is taken.
    var isFull: Bool { count == CheckBatch.width }

    /// The questions.
    var views: UnsafeBufferPointer<CheckView> { UnsafeBufferPointer(start: viewMemory, count: count) }

    /// The requests, in the same order.
    var items: UnsafeBufferPointer<Item> { UnsafeBufferPointer(start: itemMemory, count: count) }

    /// Takes a check, whose payload stays where it is until the batch is cleared; false, and it is not taken, if it brings
    /// more than its question.
    ///
    /// Requires that the batch is not full.
    @inline(__always)
    func append(_ payload: UnsafeRawBufferPointer, correlation: UInt64) throws(ByteError) -> Bool {
        precondition(!isFull, "a check was added to a full batch")
        let request = try CheckRequestView(decoding: payload)
        guard request.isPlain else { return false }
        (viewMemory + count).initialize(to: request.check)
        (itemMemory + count).initialize(to: Item(correlation: correlation, payload: payload))
        state.pointee += 1
        return true
    }

    /// Forgets them.
    func clear() { state.pointee = 0 }
}
