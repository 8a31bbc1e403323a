// Pemba: sorting what lookups find.
// SPDX-License-Identifier: Apache-2.0

/// Something that a lookup found.
struct LookupItem: BitwiseCopyable {
    /// Where `IDSort` keeps the bytes of the id that it compares.
    var word: UInt64 = 0
    var entity: UInt32
    /// What the lookup knows it by.
    var number: UInt32
}

/// Sorts items by id: by the first eight bytes that are not the same in all of them, then those that have these in
/// common by the next, and so on.
struct IDSort {
    private let ids: LookupIDs
    private let items: UnsafeMutableBufferPointer<LookupItem>
    private let scratch: UnsafeMutableBufferPointer<LookupItem>

    /// Fewer are sorted by comparing.
    private static let fewest = 128

    /// Sorts items of different ids.
    static func sort(_ items: inout [LookupItem], _ ids: LookupIDs) {
        guard items.count > 1 else { return }
        let scratch = UnsafeMutableBufferPointer<LookupItem>.allocate(capacity: items.count)
        defer { scratch.deallocate() }
        items.withUnsafeMutableBufferPointer { buffer in
            let sort = IDSort(ids: ids, items: buffer, scratch: scratch)
            var pending = [(range: 0..<buffer.count, offset: 0)]
            while let (range, offset) = pending.popLast() { sort.sort(range, offset, &pending) }
        }
    }

    /// Sorts items whose ids have their first `offset` bytes in common, but for those put on `pending`.
    private func sort(_ range: Range<Int>, _ offset: Int, _ pending: inout [(range: Range<Int>, offset: Int)]) {
        let offset = commonPrefix(range, offset)
        for place in range { items[place].word = ids.word(items[place].entity, from: offset) }
        guard range.count >= IDSort.fewest else {
            items[range].sort { left, right in
                if left.word != right.word { return left.word < right.word }
                return StateReader.order(ids.id(of: left.entity), ids.id(of: right.entity)) < 0
            }
            return
        }
        sortByWord(range)
        var start = range.lowerBound
        for place in range where place + 1 == range.upperBound || items[place + 1].word != items[place].word {
            if place > start { pending.append((start..<(place + 1), offset + 8)) }
            start = place + 1
        }
    }

    /// How many bytes all ids have in common, at least `offset`.
    private func commonPrefix(_ range: Range<Int>, _ offset: Int) -> Int {
        let first = ids.id(of: items[range.lowerBound].entity)
        var common = first.count
        for place in range.dropFirst() {
            let id = ids.id(of: items[place].entity)
            common = min(common, id.count)
            var equal = offset
            while equal + 8 <= common,
                first.loadUnaligned(fromByteOffset: equal, as: UInt64.self)
                    == id.loadUnaligned(fromByteOffset: equal, as: UInt64.self)
            { equal += 8 }
            while equal < common, first[equal] == id[equal] { equal += 1 }
            common = equal
            if common == offset { break }
        }
        return common
    }

    /// A radix sort by the bytes of the words, the last first.
    private func sortByWord(_ range: Range<Int>) {
        let count = range.count
        var counts = [Int](repeating: 0, count: 8 * 256)
        counts.withUnsafeMutableBufferPointer { counts in
            for place in range {
                let word = items[place].word
                for byte in 0..<8 { counts[byte << 8 | Int(word >> UInt64(byte * 8)) & 0xFF] += 1 }
            }
            var source = UnsafeMutableBufferPointer(rebasing: items[range])
            var target = UnsafeMutableBufferPointer(rebasing: scratch[..<count])
            var isMoved = false
            for byte in 0..<8 {
                let row = byte << 8
                // Where all have the same byte there is nothing to do.
                if counts[row | Int(source[0].word >> UInt64(byte * 8)) & 0xFF] == count { continue }
                var next = 0
                for digit in 0..<256 {
                    let found = counts[row | digit]
                    counts[row | digit] = next
                    next += found
                }
                for item in source {
                    let slot = row | Int(item.word >> UInt64(byte * 8)) & 0xFF
                    target[counts[slot]] = item
                    counts[slot] += 1
                }
                swap(&source, &target)
                isMoved.toggle()
            }
            if isMoved, let base = target.baseAddress, let from = source.baseAddress {
                base.update(from: from, count: count)
            }
        }
    }
}
