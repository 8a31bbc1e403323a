// Pemba: memory for rows.
// SPDX-License-Identifier: Apache-2.0

/// Blocks of 64-bit words in one region, without headers: freed blocks are kept by size class for reuse.
///
/// Classes are 2 to 8 words exactly, then four to each doubling, so that a block wastes at most a fifth. The owner
/// calls `release`.
struct RowArena {
    /// The region's first word; a reference is an index from here.
    ///
    /// References below 8 are never given out.
    let base: UnsafeMutablePointer<UInt64>
    private let region: Region<UInt64>
    private let state: UnsafeMutablePointer<State>
    private let free: UnsafeMutablePointer<UInt32>

    private static let classCount = 128

    private struct State {
        /// The first word never used.
        var top: Int
        /// Words in freed blocks.
        var freeWords: Int
        /// Whether blocks that are taken are noted, and none is given back.
        var isJournaling = false
        /// The blocks noted.
        var journal = ArenaJournal()
    }

    init(bytes: Int, hugePages: Bool) {
        region = Region(capacity: bytes / MemoryLayout<UInt64>.size, hugePages: hugePages)
        base = region.base
        state = .allocate(capacity: 1)
        state.initialize(to: State(top: 8, freeWords: 0))
        free = .allocate(capacity: RowArena.classCount)
        free.initialize(repeating: 0, count: RowArena.classCount)
    }

    func release() {
        region.release()
        state.deinitialize(count: 1)
        state.deallocate()
        free.deallocate()
    }

    /// Bytes ever used.
    var usedBytes: Int { state.pointee.top * MemoryLayout<UInt64>.size }

    /// Bytes in freed blocks.
    var freeBytes: Int { state.pointee.freeWords * MemoryLayout<UInt64>.size }

    /// The class of a block of `words`, and how many words its blocks have.
    @inline(__always)
    static func sizeClass(_ words: Int) -> (number: Int, words: Int) {
        if words <= 8 { return (max(words, 2) - 2, max(words, 2)) }
        let bits = Int.bitWidth - (words - 1).leadingZeroBitCount
        let shift = bits - 3
        let quarter = (words - 1) >> shift
        return (7 + (bits - 4) * 4 + (quarter - 4), (quarter + 1) << shift)
    }

    /// Takes a block of at least `words`.
    @inline(__always)
    func allocate(_ words: Int) -> UInt32 {
        let reference = take(words)
        if state.pointee.isJournaling { state.pointee.journal.blocks[reference] = words }
        return reference
    }

    @inline(__always)
    private func take(_ words: Int) -> UInt32 {
        let size = RowArena.sizeClass(words)
        let head = free[size.number]
        if head != 0 {
            free[size.number] = UInt32(truncatingIfNeeded: base[Int(head)])
            state.pointee.freeWords -= size.words
            return head
        }
        let reference = state.pointee.top
        precondition(reference + size.words <= region.capacity, "the memory reserved for rows is used up")
        state.pointee.top = reference + size.words
        return UInt32(truncatingIfNeeded: reference)
    }

    /// Gives back the block at `reference` that was taken for `words`.
    @inline(__always)
    func deallocate(_ reference: UInt32, words: Int) {
        // A block of before belongs to a stored row; one of the journal's own is free for the next change.
        if state.pointee.isJournaling, state.pointee.journal.blocks.removeValue(forKey: reference) == nil { return }
        let size = RowArena.sizeClass(words)
        base[Int(reference)] = UInt64(free[size.number])
        free[size.number] = reference
        state.pointee.freeWords += size.words
    }

    // MARK: Journals

    /// From here on blocks are noted in `journal`, and only such are given back: what changes leaves shared blocks alone.
    func beginJournal(_ journal: inout ArenaJournal) {
        precondition(!state.pointee.isJournaling, "one journal at a time")
        swap(&state.pointee.journal, &journal)
        state.pointee.isJournaling = true
    }

    /// Ends noting; `journal` has the blocks again.
    func endJournal(_ journal: inout ArenaJournal) {
        state.pointee.isJournaling = false
        swap(&state.pointee.journal, &journal)
    }

    /// Gives the blocks of a journal back.
    func free(_ journal: ArenaJournal) {
        for (reference, words) in journal.blocks { deallocate(reference, words: words) }
    }
}

/// Blocks that were taken for an overlay.
struct ArenaJournal {
    /// How many words each block was taken for; the order in which they are given back reaches nothing.
    fileprivate(set) var blocks: [UInt32: Int] = [:]
}
