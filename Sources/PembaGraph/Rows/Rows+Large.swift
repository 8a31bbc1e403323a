// Pemba: rows of more entries than one block holds.
// SPDX-License-Identifier: Apache-2.0

/// A large row's block is a directory: the number of leaves, then for each leaf its separator and its word
/// (reference 32 bits, count 32 bits). A leaf holds the entries from its separator up to the next one; the first
/// leaf takes whatever is lower, too: its separator is never looked at. No leaf is empty. A row becomes flat again
/// below a quarter of what made it large, so that one entry more or less does not convert it back and forth.
extension Rows {
    private static let leafFill = 384
    private static let mergeLimit = 128

    @inline(__always)
    private func directory(_ word: RowWord) -> UnsafeMutablePointer<UInt64> { arena.base + word.reference }

    @inline(__always)
    private static func separator(_ directory: UnsafePointer<UInt64>, _ leaf: Int) -> UInt64 { directory[1 + 2 * leaf] }

    @inline(__always)
    private static func leafWord(_ directory: UnsafePointer<UInt64>, _ leaf: Int) -> UInt64 { directory[2 + 2 * leaf] }

    @inline(__always)
    private static func leafWord(reference: UInt32, count: Int) -> UInt64 { (UInt64(reference) << 32) | UInt64(count) }

    @inline(__always)
    private static func leafCount(_ word: UInt64) -> Int { Int(word & 0xFFFF_FFFF) }

    @inline(__always)
    private func leafBase(_ word: UInt64) -> UnsafeMutablePointer<UInt64> { arena.base + Int(word >> 32) }

    private static func directoryWords(_ leaves: Int) -> Int { 1 + 2 * leaves }

    /// The leaf where `key` belongs.
    @inline(__always)
    private static func leaf(_ directory: UnsafePointer<UInt64>, for key: UInt64) -> Int {
        var low = 0
        var high = Int(directory[0])
        while high - low > 1 {
            let middle = (low + high) >> 1
            if separator(directory, middle) <= key { low = middle } else { high = middle }
        }
        return low
    }

    func largeFind(_ word: RowWord, _ key: UInt64) -> UInt64 {
        let directory = directory(word)
        let leaf = Rows.leafWord(directory, Rows.leaf(directory, for: key))
        let count = Rows.leafCount(leaf)
        let entries = leafBase(leaf)
        let position = Rows.lowerBound(entries, count, key)
        return position < count && (entries[position] ^ key) >> 8 == 0 ? entries[position] : 0
    }

    func largeRun(_ word: RowWord, from key: UInt64) -> RowRun {
        let directory = directory(word)
        let number = Rows.leaf(directory, for: key)
        let leaf = Rows.leafWord(directory, number)
        let count = Rows.leafCount(leaf)
        let entries = UnsafePointer(leafBase(leaf))
        let position = Rows.lowerBound(entries, count, key)
        if position < count { return RowRun(start: entries + position, end: entries + count) }
        guard number + 1 < Int(directory[0]) else { return RowRun(start: entries, end: entries) }
        let next = Rows.leafWord(directory, number + 1)
        let first = UnsafePointer(leafBase(next))
        return RowRun(start: first, end: first + Rows.leafCount(next))
    }

    /// Splits a full flat row into leaves.
    func becomeLarge(_ slot: UnsafeMutablePointer<UInt64>, _ word: RowWord) {
        let count = word.count
        let half = count / 2
        let old = arena.base + word.reference
        let reference = makeDirectory([
            (0, leaf(copying: old, half)), (RowEntry.key(old[half]), leaf(copying: old + half, count - half)),
        ])
        slot.pointee = RowWord(reference: reference, count: count, isLarge: true).raw
        arena.deallocate(UInt32(word.reference), words: count)
    }

    func fillLarge(_ slot: UnsafeMutablePointer<UInt64>, _ entries: UnsafePointer<UInt64>, _ count: Int) {
        var leaves: [(UInt64, UInt64)] = []
        var start = 0
        while start < count {
            let length = min(Rows.leafFill, count - start)
            leaves.append((start == 0 ? 0 : RowEntry.key(entries[start]), leaf(copying: entries + start, length)))
            start += length
        }
        slot.pointee = RowWord(reference: makeDirectory(leaves), count: count, isLarge: true).raw
    }

    private func leaf(copying source: UnsafePointer<UInt64>, _ count: Int) -> UInt64 {
        let reference = arena.allocate(count)
        (arena.base + Int(reference)).update(from: source, count: count)
        return Rows.leafWord(reference: reference, count: count)
    }

    private func makeDirectory(_ leaves: [(separator: UInt64, word: UInt64)]) -> UInt32 {
        let reference = arena.allocate(Rows.directoryWords(leaves.count))
        let new = arena.base + Int(reference)
        new[0] = UInt64(leaves.count)
        for (number, leaf) in leaves.enumerated() {
            new[1 + 2 * number] = leaf.separator
            new[2 + 2 * number] = leaf.word
        }
        return reference
    }

    /// A copy of the directory in which `replaced` leaves from `number` on give way to `leaves`.
    private func copyDirectory(
        _ word: RowWord,
        from number: Int,
        replacing replaced: Int,
        with leaves: [(separator: UInt64, word: UInt64)]
    ) -> UInt32 {
        let old = directory(word)
        let oldCount = Int(old[0])
        let newCount = oldCount - replaced + leaves.count
        let reference = arena.allocate(Rows.directoryWords(newCount))
        let new = arena.base + Int(reference)
        new[0] = UInt64(newCount)
        (new + 1).update(from: old + 1, count: 2 * number)
        for (offset, leaf) in leaves.enumerated() {
            new[1 + 2 * (number + offset)] = leaf.separator
            new[2 + 2 * (number + offset)] = leaf.word
        }
        let rest = oldCount - number - replaced
        (new + 1 + 2 * (number + leaves.count)).update(from: old + 1 + 2 * (number + replaced), count: 2 * rest)
        return reference
    }

    private func publish(_ slot: UnsafeMutablePointer<UInt64>, _ old: RowWord, directory reference: UInt32, count: Int)
    {
        let leaves = Int(directory(old)[0])
        slot.pointee = RowWord(reference: reference, count: count, isLarge: true).raw
        arena.deallocate(UInt32(old.reference), words: Rows.directoryWords(leaves))
    }

    func largeInsert(_ slot: UnsafeMutablePointer<UInt64>, _ word: RowWord, _ entry: UInt64) -> Bool {
        let directory = directory(word)
        let number = Rows.leaf(directory, for: RowEntry.key(entry))
        let leafWord = Rows.leafWord(directory, number)
        let count = Rows.leafCount(leafWord)
        let old = leafBase(leafWord)
        let position = Rows.lowerBound(old, count, RowEntry.key(entry))
        guard position == count || (old[position] ^ entry) >> 8 != 0 else { return false }
        let grown = copy(old, count, inserting: entry, at: position)
        if count < Rows.flatLimit {
            directory[2 + 2 * number] = Rows.leafWord(reference: grown, count: count + 1)
            slot.pointee = RowWord(reference: UInt32(word.reference), count: word.count + 1, isLarge: true).raw
        } else {
            let both = arena.base + Int(grown)
            // Ascending inserts, which are the usual ones, leave full leaves behind.
            let left = position == count ? count : (count + 1) / 2
            let reference = copyDirectory(
                word,
                from: number,
                replacing: 1,
                with: [
                    (Rows.separator(directory, number), leaf(copying: both, left)),
                    (RowEntry.key(both[left]), leaf(copying: both + left, count + 1 - left)),
                ]
            )
            publish(slot, word, directory: reference, count: word.count + 1)
            arena.deallocate(grown, words: count + 1)
        }
        arena.deallocate(UInt32(leafWord >> 32), words: count)
        return true
    }

    func largeRemove(_ slot: UnsafeMutablePointer<UInt64>, _ word: RowWord, _ entry: UInt64) -> Bool {
        let directory = directory(word)
        let number = Rows.leaf(directory, for: RowEntry.key(entry))
        let leafWord = Rows.leafWord(directory, number)
        let count = Rows.leafCount(leafWord)
        let old = leafBase(leafWord)
        let position = Rows.lowerBound(old, count, RowEntry.key(entry))
        guard position < count, (old[position] ^ entry) >> 8 == 0 else { return false }
        if count == 1 {
            let reference = copyDirectory(word, from: number, replacing: 1, with: [])
            publish(slot, word, directory: reference, count: word.count - 1)
        } else {
            directory[2 + 2 * number] = Rows.leafWord(reference: copy(old, count, removing: position), count: count - 1)
            slot.pointee = RowWord(reference: UInt32(word.reference), count: word.count - 1, isLarge: true).raw
        }
        arena.deallocate(UInt32(leafWord >> 32), words: count)
        shrink(slot, around: number)
        return true
    }

    /// Merges a leaf that has become small with its neighbour, and makes a small row flat.
    private func shrink(_ slot: UnsafeMutablePointer<UInt64>, around number: Int) {
        let word = RowWord(raw: slot.pointee)
        if word.count <= Rows.mergeLimit { return becomeFlat(slot, word) }
        let directory = directory(word)
        let leaves = Int(directory[0])
        let left = min(number, leaves - 2)
        guard left >= 0 else { return }
        let first = Rows.leafWord(directory, left)
        let second = Rows.leafWord(directory, left + 1)
        let sum = Rows.leafCount(first) + Rows.leafCount(second)
        guard sum <= Rows.flatLimit / 2, min(Rows.leafCount(first), Rows.leafCount(second)) <= Rows.mergeLimit else {
            return
        }
        let merged = arena.allocate(sum)
        let target = arena.base + Int(merged)
        target.update(from: leafBase(first), count: Rows.leafCount(first))
        (target + Rows.leafCount(first)).update(from: leafBase(second), count: Rows.leafCount(second))
        let leaf = (Rows.separator(directory, left), Rows.leafWord(reference: merged, count: sum))
        let reference = copyDirectory(word, from: left, replacing: 2, with: [leaf])
        publish(slot, word, directory: reference, count: word.count)
        arena.deallocate(UInt32(first >> 32), words: Rows.leafCount(first))
        arena.deallocate(UInt32(second >> 32), words: Rows.leafCount(second))
    }

    private func becomeFlat(_ slot: UnsafeMutablePointer<UInt64>, _ word: RowWord) {
        let directory = directory(word)
        let leaves = Int(directory[0])
        let flat = arena.allocate(word.count)
        var target = arena.base + Int(flat)
        for number in 0..<leaves {
            let leaf = Rows.leafWord(directory, number)
            target.update(from: leafBase(leaf), count: Rows.leafCount(leaf))
            target += Rows.leafCount(leaf)
            arena.deallocate(UInt32(leaf >> 32), words: Rows.leafCount(leaf))
        }
        slot.pointee = RowWord(reference: flat, count: word.count, isLarge: false).raw
        arena.deallocate(UInt32(word.reference), words: Rows.directoryWords(leaves))
    }

    /// Gives a row that shares its directory with another one of its own, since changes write to it in place.
    func makeOwn(_ slot: UnsafeMutablePointer<UInt64>) {
        let word = RowWord(raw: slot.pointee)
        guard word.isLarge else { return }
        let reference = copyDirectory(word, from: 0, replacing: 0, with: [])
        slot.pointee = RowWord(reference: reference, count: word.count, isLarge: true).raw
    }
}
