// Pemba: what a lookup found in the order of ids.
// SPDX-License-Identifier: Apache-2.0

/// Something that a lookup found.
struct LookupItem: BitwiseCopyable {
    /// Eight bytes of the id, which `IDOrder` compares.
    var word: UInt64 = 0
    var entity: UInt32
    /// What the lookup knows it by.
    var number: UInt32
}

/// What a lookup found, given in the order of ids, and put in order no further than it is taken.
///
/// Items lie in runs of a bounded length. Each run is sorted from its beginning on as far as items are taken from it
/// (incremental quicksort: Paredes and Navarro, Optimal Incremental Sorting, 2006), and the runs are merged as items are
/// taken. So the first items cost little more than a look at each, and no step costs more than a run. The owner calls
/// `release`.
struct IDOrder {
    /// A part of the items that is put in order by itself.
    fileprivate struct Run {
        /// The next item to be taken.
        var next: Int
        /// All before it are at their places.
        var settled: Int
        let end: Int
        /// Places beyond `settled` whose items are at their places, the nearest last: what lies between two of them is in
        /// any order, but comes between their items.
        var pivots: [Int] = []
    }

    /// The longest run: as much as an evaluation does in a slice.
    static let runLength = 4_096
    private let ids: LookupIDs
    private var items = Stack<LookupItem>(capacity: 64)
    /// How many bytes all ids begin with in common.
    private var common = 0
    private var runs: [Run] = []
    /// The runs that are not used up as a heap: the one whose next item comes first is first.
    private var heap: [Int] = []

    init(_ ids: LookupIDs) { self.ids = ids }

    func release() { items.release() }

    /// Forgets everything.
    mutating func removeAll() {
        items.removeAll(keeping: IDOrder.runLength)
        runs.removeAll()
        heap.removeAll()
    }

    // MARK: Taking in

    /// Takes an item in; none of its id is there, and none has been prepared.
    @inline(__always)
    mutating func add(_ item: LookupItem) {
        let id = ids.id(of: item.entity)
        common = items.isEmpty ? id.count : commonPrefix(id, ids.id(of: items[0].entity))
        items.push(item)
    }

    private func commonPrefix(_ id: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Int {
        let most = min(common, id.count)
        var equal = 0
        while equal + 8 <= most,
            id.loadUnaligned(fromByteOffset: equal, as: UInt64.self)
                == other.loadUnaligned(fromByteOffset: equal, as: UInt64.self)
        { equal += 8 }
        while equal < most, id[equal] == other[equal] { equal += 1 }
        return equal
    }

    /// Prepares the next run once all items are in; gives how much work that was, 0 once all runs are prepared.
    mutating func prepare() -> Int {
        let start = runs.count * IDOrder.runLength
        guard start < items.count else { return 0 }
        var run = Run(next: start, settled: start, end: min(start + IDOrder.runLength, items.count))
        for place in start..<run.end {
            items.base[place].word = ids.word(items[place].entity, from: common)
        }
        sort.settle(&run)
        runs.append(run)
        heap.append(runs.count - 1)
        rise()
        return run.end - start
    }

    // MARK: Taking out

    /// The first item of those that have not been taken.
    var first: LookupItem? { heap.first.map { items[runs[$0].next] } }

    /// Takes the first item, which must be there.
    mutating func removeFirst() {
        let run = heap[0]
        runs[run].next += 1
        if runs[run].next == runs[run].end {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        } else if runs[run].next == runs[run].settled {
            let sort = sort
            sort.settle(&runs[run])
        }
        if heap.count > 1 { sink() }
    }

    private var sort: RunSort { RunSort(ids: ids, base: items.base) }

    // MARK: The heap of runs

    private func comesFirst(_ run: Int, _ other: Int) -> Bool {
        sort.precedes(items[runs[run].next], items[runs[other].next])
    }

    private mutating func rise() {
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard comesFirst(heap[place], heap[parent]) else { return }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var first = place
            let child = 2 * place + 1
            if child < heap.count, comesFirst(heap[child], heap[first]) { first = child }
            if child + 1 < heap.count, comesFirst(heap[child + 1], heap[first]) { first = child + 1 }
            if first == place { return }
            heap.swapAt(first, place)
            place = first
        }
    }
}

/// Puts a run in order, no further than it is needed.
private struct RunSort {
    /// So few are sorted by insertion.
    private static let fewest = 16
    /// With so many pivots in a run they have been bad ones, perhaps by intent: the rest is sorted at once.
    private static let pivotsMax = 48

    let ids: LookupIDs
    /// The items of all runs.
    let base: UnsafeMutablePointer<LookupItem>

    @inline(__always)
    func precedes(_ left: LookupItem, _ right: LookupItem) -> Bool {
        if left.word != right.word { return left.word < right.word }
        return StateReader.order(ids.id(of: left.entity), ids.id(of: right.entity)) < 0
    }

    /// Puts at least the next item of a run at its place.
    func settle(_ run: inout IDOrder.Run) {
        let start = run.settled
        var end = run.pivots.last ?? run.end
        while end - start > RunSort.fewest, run.pivots.count < RunSort.pivotsMax {
            end = partition(start, end)
            run.pivots.append(end)
        }
        if end - start > RunSort.fewest {
            var rest = UnsafeMutableBufferPointer(start: base + start, count: end - start)
            rest.sort { precedes($0, $1) }
        } else {
            sortFew(start, end)
        }
        run.settled = end
        // The item that divided the two parts is at its place, too.
        if run.pivots.popLast() != nil { run.settled += 1 }
    }

    /// Moves the items that precede one of them before it, and the others behind it; gives its place.
    private func partition(_ start: Int, _ end: Int) -> Int {
        moveMedian(start, end)
        let pivot = base[start]
        var left = start + 1
        var right = end - 1
        while true {
            while left <= right, precedes(base[left], pivot) { left += 1 }
            while left <= right, precedes(pivot, base[right]) { right -= 1 }
            if left >= right { break }
            swap(&base[left], &base[right])
            left += 1
            right -= 1
        }
        base[start] = base[right]
        base[right] = pivot
        return right
    }

    /// Moves the middle one of the first, the middle and the last item to the beginning.
    private func moveMedian(_ start: Int, _ end: Int) {
        let (middle, last) = (start + (end - start) / 2, end - 1)
        let isRising = precedes(base[start], base[middle])
        if isRising == precedes(base[middle], base[last]) {
            swap(&base[start], &base[middle])
        } else if isRising == precedes(base[last], base[start]) {
            return
        } else {
            swap(&base[start], &base[last])
        }
    }

    private func sortFew(_ start: Int, _ end: Int) {
        for place in start..<end {
            let item = base[place]
            var hole = place
            while hole > start, precedes(item, base[hole - 1]) {
                base[hole] = base[hole - 1]
                hole -= 1
            }
            base[hole] = item
        }
    }
}
