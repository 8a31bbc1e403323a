// Pemba: the conditions and times of stored tuples.
// SPDX-License-Identifier: Apache-2.0

/// The traits of the tuples whose entries are flagged, and which of them change next.
///
/// Tuples that expire stand in a heap by that time, those of one time in an order that the caller gives and that is the
/// same on every node: what is collected must follow from the stored tuples alone, however a node came by them. A tuple's
/// place in the heap is kept with it, so that a changed or removed tuple leaves nothing behind. Times at which tuples
/// begin to count are only waited for: they stand in a heap of their own that may remember too much.
struct TraitTable {
    /// Whether a tuple comes before another one.
    typealias Order = (TupleKey, TupleKey) -> Bool

    private struct Record {
        var traits: Traits
        /// Where its tuple is in the heap; -1 if it is not.
        var place = -1
    }

    /// When a tuple expires.
    struct Due {
        /// Nanoseconds of the log's time.
        var time: Int64
        var tuple: TupleKey
    }

    private var records: [TupleKey: Record] = [:]
    private var heap: [Due] = []
    /// Times at which tuples begin to count, the earliest on top.
    private var beginnings: [Int64] = []

    /// How many tuples have traits.
    var count: Int { records.count }

    /// The traits of a tuple; none if it is plain.
    @inline(__always)
    subscript(tuple: TupleKey) -> Traits { records[tuple]?.traits ?? .none }

    /// The first tuple that expires; nil if none will.
    var firstExpiry: Due? { heap.first }

    /// The next time at which a tuple expires or begins to count; one that has expired and is stored is due at once.
    mutating func nextDue(after now: Int64) -> Int64? {
        while let beginning = beginnings.first, beginning <= now { dropFirstBeginning() }
        guard let expiry = heap.first?.time else { return beginnings.first }
        return min(expiry, beginnings.first ?? .max)
    }

    /// Gives a tuple traits, or none; `now` is the log's time.
    mutating func set(_ tuple: TupleKey, _ traits: Traits, now: Int64, _ order: Order) {
        if let place = records[tuple]?.place, place >= 0 { take(from: place, order) }
        guard !traits.isNone else {
            records[tuple] = nil
            return
        }
        records[tuple] = Record(traits: traits)
        if traits.expiresAt != .max { add(Due(time: traits.expiresAt, tuple: tuple), order) }
        if traits.notBefore > now { add(beginning: traits.notBefore) }
    }

    // MARK: Beginnings

    private mutating func add(beginning time: Int64) {
        beginnings.append(time)
        var place = beginnings.count - 1
        while place > 0, beginnings[place] < beginnings[(place - 1) / 2] {
            beginnings.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func dropFirstBeginning() {
        let last = beginnings.removeLast()
        guard !beginnings.isEmpty else { return }
        beginnings[0] = last
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < beginnings.count {
                if beginnings[child] < beginnings[least] { least = child }
            }
            if least == place { return }
            beginnings.swapAt(least, place)
            place = least
        }
    }

    // MARK: The heap

    private mutating func add(_ due: Due, _ order: Order) {
        heap.append(due)
        records[due.tuple]?.place = heap.count - 1
        rise(heap.count - 1, order)
    }

    private mutating func take(from place: Int, _ order: Order) {
        records[heap[place].tuple]?.place = -1
        let last = heap.removeLast()
        guard place < heap.count else { return }
        heap[place] = last
        records[last.tuple]?.place = place
        rise(place, order)
        sink(place, order)
    }

    private mutating func rise(_ start: Int, _ order: Order) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard precedes(place, parent, order) else { return }
            swapPlaces(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ start: Int, _ order: Order) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if precedes(child, least, order) { least = child }
            }
            if least == place { return }
            swapPlaces(place, least)
            place = least
        }
    }

    private func precedes(_ left: Int, _ right: Int, _ order: Order) -> Bool {
        if heap[left].time != heap[right].time { return heap[left].time < heap[right].time }
        return order(heap[left].tuple, heap[right].tuple)
    }

    private mutating func swapPlaces(_ left: Int, _ right: Int) {
        heap.swapAt(left, right)
        records[heap[left].tuple]?.place = left
        records[heap[right].tuple]?.place = right
    }
}
