// Pemba: with which messages each combination of nodes was found.
// SPDX-License-Identifier: Apache-2.0

/// For each combination of states of the nodes, the sets of messages with which it was found: of two of which one holds
/// the other, only the larger.
///
/// What can happen with some messages can happen with more, so that the smaller set has nothing to show that the larger one
/// does not. Combinations are known by 64-bit hashes; two with one hash would be taken for one: of n that happens with
/// probability n² / 2⁶⁵, which for a hundred million is one in four thousand.
struct MessageSets {
    /// Words of a set, which is a bit for each message.
    private var width = 2
    private var words: [UInt64] = []
    /// By set: the next one of its combination; -1: none.
    private var next: [Int32] = []
    /// By set: the number of its state.
    private var owners: [UInt32] = []
    /// Sets that a larger one has replaced.
    private var free: [Int32] = []
    private var heads = NumberTable()

    /// The combinations that were found.
    var count: Int { heads.count }

    /// The bytes that it takes.
    var byteCount: Int {
        words.capacity * 8 + next.capacity * 4 + owners.capacity * 4 + free.capacity * 4 + heads.byteCount
    }

    /// Whether the set at `place` is still that of state `owner`, and has not been replaced by a larger one.
    func isCurrent(_ place: Int, of owner: UInt32) -> Bool { owners[place] == owner }

    /// Whether a combination was found with this set of messages or with a larger one.
    func holds(_ combination: UInt64, _ set: [UInt64]) -> Bool {
        var place = heads[combination] ?? -1
        while place >= 0 {
            if isSubset(set, of: place) { return true }
            place = Int(next[place])
        }
        return false
    }

    /// Adds a set that no other holds, in place of those that it holds; says where it is.
    mutating func insert(_ combination: UInt64, _ set: [UInt64], owner: UInt32) -> Int {
        if set.count > width { widen(to: set.count) }
        var head: Int32 = -1
        var place = heads[combination] ?? -1
        while place >= 0 {
            let following = Int(next[place])
            if isSuperset(set, of: place) {
                owners[place] = .max
                free.append(Int32(place))
            } else {
                next[place] = head
                head = Int32(place)
            }
            place = following
        }
        let new = take()
        for word in 0..<width { words[new * width + word] = word < set.count ? set[word] : 0 }
        next[new] = head
        owners[new] = owner
        heads[combination] = new
        return new
    }

    private mutating func take() -> Int {
        if let last = free.popLast() { return Int(last) }
        for _ in 0..<width { words.append(0) }
        next.append(-1)
        owners.append(.max)
        return next.count - 1
    }

    private func isSubset(_ set: [UInt64], of place: Int) -> Bool {
        for word in set.indices {
            let other = word < width ? words[place * width + word] : 0
            if set[word] & ~other != 0 { return false }
        }
        return true
    }

    private func isSuperset(_ set: [UInt64], of place: Int) -> Bool {
        for word in 0..<width {
            let own = word < set.count ? set[word] : 0
            if words[place * width + word] & ~own != 0 { return false }
        }
        return true
    }

    private mutating func widen(to wider: Int) {
        var wide: [UInt64] = []
        wide.reserveCapacity(next.count * wider)
        for place in next.indices {
            wide += words[place * width..<(place + 1) * width]
            for _ in width..<wider { wide.append(0) }
        }
        words = wide
        width = wider
    }
}
