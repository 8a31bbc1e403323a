// Pemba: the rows of tuples.
// SPDX-License-Identifier: Apache-2.0

/// A part of a row that lies together in memory, sorted.
struct RowRun {
    /// The first entry.
    var start: UnsafePointer<UInt64>
    /// After the last entry.
    var end: UnsafePointer<UInt64>

    @inline(__always)
    var isEmpty: Bool { start == end }
}

/// Sorted sets of entries (`RowEntry`), each behind one published word (`RowWord`).
///
/// A row of one entry lives in its word. Up to `flatLimit` entries are one sorted block. More are leaves of at most
/// `flatLimit` entries under a directory (`Rows+Large`). A change copies what it changes, at most one leaf and, when
/// leaves split or merge, the directory; it publishes by one store and then frees the old block, so that readers under
/// epochs can be added without touching this code. The owner calls `release`.
struct Rows {
    /// The most entries in a block or leaf.
    static let flatLimit = 512

    let arena: RowArena

    init(bytes: Int, hugePages: Bool) { arena = RowArena(bytes: bytes, hugePages: hugePages) }

    func release() { arena.release() }

    /// The index of the first of `count` sorted entries that is not below `key`.
    @inline(__always)
    static func lowerBound(_ entries: UnsafePointer<UInt64>, _ count: Int, _ key: UInt64) -> Int {
        var start = 0
        var length = count
        while length > 1 {
            let half = length >> 1
            start = entries[start &+ half &- 1] < key ? start &+ half : start
            length &-= half
        }
        return length == 1 && entries[start] < key ? start &+ 1 : start
    }

    /// The row's entry for `key` with its flags; 0 if there is none. (Bit 0 may be set: it means nothing here.)
    @inline(__always)
    func find(_ word: RowWord, _ key: UInt64) -> UInt64 {
        if word.isSingle { return (word.raw ^ key) >> 8 == 0 ? word.raw : 0 }
        guard !word.isEmpty else { return 0 }
        guard !word.isLarge else { return largeFind(word, key) }
        let entries = UnsafePointer(arena.base + word.reference)
        let count = word.count
        let position = Rows.lowerBound(entries, count, key)
        return position < count && (entries[position] ^ key) >> 8 == 0 ? entries[position] : 0
    }

    /// Whether the row holds `key` (whatever the flags).
    @inline(__always)
    func contains(_ word: RowWord, _ key: UInt64) -> Bool { find(word, key) != 0 }

    /// The entries not below `key` as far as they lie together; empty only if there are none.
    ///
    /// `slot` is where the row's word is: a single entry is read in place.
    @inline(__always)
    func run(_ slot: UnsafePointer<UInt64>, from key: UInt64) -> RowRun {
        let word = RowWord(raw: slot.pointee)
        if word.isSingle { return RowRun(start: word.raw >= key ? slot : slot + 1, end: slot + 1) }
        guard !word.isEmpty else { return RowRun(start: slot, end: slot) }
        guard !word.isLarge else { return largeRun(word, from: key) }
        let entries = UnsafePointer(arena.base + word.reference)
        let count = word.count
        return RowRun(start: entries + Rows.lowerBound(entries, count, key), end: entries + count)
    }

    /// Calls `body` with every entry of a row, with its flags, in order.
    func forEach(_ slot: UnsafePointer<UInt64>, _ body: (UInt64) -> Void) {
        var next: UInt64 = 0
        while true {
            let run = run(slot, from: next)
            if run.isEmpty { return }
            var cursor = run.start
            while cursor < run.end {
                body(cursor.pointee & ~1)
                cursor += 1
            }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
    }

    /// Adds an entry; false if it is there already, whatever its flags.
    func insert(_ slot: UnsafeMutablePointer<UInt64>, _ entry: UInt64) -> Bool {
        let word = RowWord(raw: slot.pointee)
        if word.isEmpty {
            slot.pointee = RowWord(single: entry).raw
            return true
        }
        if word.isSingle { return insertSecond(slot, word, entry) }
        guard !word.isLarge else { return largeInsert(slot, word, entry) }
        let count = word.count
        let old = arena.base + word.reference
        let position = Rows.lowerBound(old, count, RowEntry.key(entry))
        guard position == count || (old[position] ^ entry) >> 8 != 0 else { return false }
        guard count < Rows.flatLimit else {
            becomeLarge(slot, word)
            return largeInsert(slot, RowWord(raw: slot.pointee), entry)
        }
        slot.pointee =
            RowWord(reference: copy(old, count, inserting: entry, at: position), count: count + 1, isLarge: false).raw
        arena.deallocate(UInt32(word.reference), words: count)
        return true
    }

    private func insertSecond(_ slot: UnsafeMutablePointer<UInt64>, _ word: RowWord, _ entry: UInt64) -> Bool {
        let present = word.raw & ~1
        guard (present ^ entry) >> 8 != 0 else { return false }
        let reference = arena.allocate(2)
        arena.base[Int(reference)] = min(present, entry)
        arena.base[Int(reference) + 1] = max(present, entry)
        slot.pointee = RowWord(reference: reference, count: 2, isLarge: false).raw
        return true
    }

    /// Removes an entry, whatever its flags; false if it is not there.
    func remove(_ slot: UnsafeMutablePointer<UInt64>, _ entry: UInt64) -> Bool {
        let word = RowWord(raw: slot.pointee)
        guard !word.isEmpty else { return false }
        if word.isSingle {
            guard (word.raw ^ entry) >> 8 == 0 else { return false }
            slot.pointee = RowWord.empty.raw
            return true
        }
        guard !word.isLarge else { return largeRemove(slot, word, entry) }
        let count = word.count
        let old = arena.base + word.reference
        let position = Rows.lowerBound(old, count, RowEntry.key(entry))
        guard position < count, (old[position] ^ entry) >> 8 == 0 else { return false }
        if count == 2 {
            slot.pointee = RowWord(single: old[1 - position]).raw
        } else {
            slot.pointee =
                RowWord(reference: copy(old, count, removing: position), count: count - 1, isLarge: false).raw
        }
        arena.deallocate(UInt32(word.reference), words: count)
        return true
    }

    /// Gives an entry that is there the flags of `entry`.
    func replace(_ slot: UnsafeMutablePointer<UInt64>, _ entry: UInt64) {
        let isKnown = remove(slot, entry)
        precondition(isKnown, "only an entry that is there can be given flags")
        _ = insert(slot, entry)
    }

    /// Fills an empty row with sorted entries without repeats.
    func fill(_ slot: UnsafeMutablePointer<UInt64>, _ entries: UnsafeBufferPointer<UInt64>) {
        precondition(slot.pointee == 0, "only an empty row is filled")
        guard let first = entries.first, let source = entries.baseAddress else { return }
        if entries.count == 1 {
            slot.pointee = RowWord(single: first).raw
        } else if entries.count <= Rows.flatLimit {
            let reference = arena.allocate(entries.count)
            (arena.base + Int(reference)).update(from: source, count: entries.count)
            slot.pointee = RowWord(reference: reference, count: entries.count, isLarge: false).raw
        } else {
            fillLarge(slot, source, entries.count)
        }
    }

    /// A copy of a block or leaf with one entry more.
    func copy(_ old: UnsafePointer<UInt64>, _ count: Int, inserting entry: UInt64, at position: Int) -> UInt32 {
        let reference = arena.allocate(count + 1)
        let new = arena.base + Int(reference)
        new.update(from: old, count: position)
        new[position] = entry
        (new + position + 1).update(from: old + position, count: count - position)
        return reference
    }

    /// A copy of a block or leaf with one entry less.
    func copy(_ old: UnsafePointer<UInt64>, _ count: Int, removing position: Int) -> UInt32 {
        let reference = arena.allocate(count - 1)
        let new = arena.base + Int(reference)
        new.update(from: old, count: position)
        (new + position).update(from: old + position + 1, count: count - position - 1)
        return reference
    }
}
