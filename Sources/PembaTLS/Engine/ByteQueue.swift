// Pemba: bytes that have arrived, or wait to leave.
// SPDX-License-Identifier: Apache-2.0

/// A queue of bytes in one piece of memory: filled at the end, consumed at the front, read in place.
///
/// It grows only for bytes that have arrived, never for bytes that somebody announces.
package struct ByteQueue: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    /// Bytes of memory at `base`.
    package private(set) var capacity = 0
    /// Where the unread bytes begin; at most `end`.
    private var start = 0
    /// Where the unread bytes end; at most `capacity`.
    private var end = 0

    /// What an empty queue keeps instead of giving it back.
    static let keptCapacity = 256 << 10

    /// Starts without memory.
    package init() {}

    deinit { base?.deallocate() }

    /// How many bytes are unread.
    package var count: Int { end - start }

    /// The unread bytes; valid until the queue is changed.
    package var readable: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + start) }, count: count)
    }

    /// Room for at least `minimum` more bytes behind the unread ones; `fill` says how many were put there.
    package mutating func room(atLeast minimum: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - end < minimum { makeRoom(minimum) }
        return UnsafeMutableRawBufferPointer(start: base.map { $0 + end }, count: capacity - end)
    }

    /// Takes the first `added` bytes of the room as unread.
    package mutating func fill(_ added: Int) {
        precondition(added >= 0 && added <= capacity - end, "more bytes were filled than there is room for")
        end += added
    }

    /// Drops the first `taken` unread bytes.
    package mutating func consume(_ taken: Int) {
        precondition(taken >= 0 && taken <= count, "more bytes were consumed than there are")
        start += taken
        guard start == end else { return }
        start = 0
        end = 0
        // One large frame must not make a connection large for good.
        if capacity > ByteQueue.keptCapacity {
            base?.deallocate()
            base = nil
            capacity = 0
        }
    }

    private mutating func makeRoom(_ minimum: Int) {
        let needed = count + minimum
        // Moving to the front is enough where it frees at least half; otherwise the moves could cost more than growing.
        if needed <= capacity / 2, let base {
            base.copyMemory(from: base + start, byteCount: count)
        } else {
            // Always larger: memory of the same size would be full, and moved, again at once.
            let grown = max(4_096, max(needed, capacity + 1).nextPowerOfTwo)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
            if let base {
                memory.copyMemory(from: base + start, byteCount: count)
                base.deallocate()
            }
            base = memory
            capacity = grown
        }
        end -= start
        start = 0
    }
}

extension Int {
    /// The smallest power of two that is not below this number, which is positive.
    fileprivate var nextPowerOfTwo: Int { 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
