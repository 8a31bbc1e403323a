// Pemba: the conditions and times of stored tuples.
// SPDX-License-Identifier: Apache-2.0

/// The traits of the tuples whose entries are flagged, and which of them change next.
///
/// Tuples that begin or stop to count at a time stand in a heap by that time, those of one time in an order that the
/// caller gives and that is the same on every node; a tuple's place in the heap is kept with it, so that a changed or
/// removed tuple leaves nothing behind.
struct TraitTable {
    /// Whether a tuple comes before another one.
    typealias Order = (TupleKey, TupleKey) -> Bool

    private struct Record {
        var traits: Traits
        /// Where its tuple is in the heap; -1 if it is not.
        var place = -1
    }

    /// When a tuple expires or begins to count.
    struct Due {
        /// Nanoseconds of the log's time.
        var time: Int64
        var tuple: TupleKey
    }

    private var records: [TupleKey: Record] = [:]
    private var heap: [Due] = []

    /// How many tuples have traits.
    var count: Int { records.count }

    /// The traits of a tuple; none if it is plain.
    @inline(__always)
    subscript(tuple: TupleKey) -> Traits { records[tuple]?.traits ?? .none }

    /// The first tuple that expires or begins to count; nil if none will.
    var first: Due? { heap.first }

    /// Gives a tuple traits, or none; `now` is the log's time.
    mutating func set(_ tuple: TupleKey, _ traits: Traits, now: Int64, _ order: Order) {
        if let place = records[tuple]?.place, place >= 0 { take(from: place, order) }
        guard !traits.isNone else {
            records[tuple] = nil
            return
        }
        records[tuple] = Record(traits: traits)
        // What has begun already, or has expired already, is due at once if it is to expire.
        let time = traits.nextChange(after: now) ?? (traits.expiresAt == .max ? nil : traits.expiresAt)
        if let time { add(Due(time: time, tuple: tuple), order) }
    }

    /// The tuple on top has begun to count: waits for its expiry, if there is one.
    mutating func begin(_ tuple: TupleKey, _ order: Order) {
        guard let record = records[tuple], record.place >= 0 else { return }
        take(from: record.place, order)
        if record.traits.expiresAt != .max { add(Due(time: record.traits.expiresAt, tuple: tuple), order) }
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
