// Pemba: putting much in order, a little at a time.
// SPDX-License-Identifier: Apache-2.0

/// Items that come in any order and are taken in theirs.
///
/// They are sorted in runs of a bounded length as they come, and the runs merged as they are taken: nothing ever takes
/// longer than sorting one run.
struct SortedRuns<Item> {
    /// The longest run: as much as an evaluation does in a slice.
    static var runLength: Int { 4_096 }

    private let sort: (inout [Item]) -> Void
    private let precedes: (Item, Item) -> Bool
    /// The run that is being filled.
    private var open: [Item] = []
    /// Sorted runs, and where each goes on.
    private var runs: [(items: [Item], next: Int)] = []
    /// The runs that are not used up as a heap: the one whose next item comes first is first.
    private var heap: [Int] = []

    /// Sorts with `sort`, and merges with `precedes`, which must agree.
    init(sort: @escaping (inout [Item]) -> Void, precedes: @escaping (Item, Item) -> Bool) {
        self.sort = sort
        self.precedes = precedes
    }

    /// Takes an item in; gives how much work that was: the length of a run if one was sorted.
    mutating func add(_ item: Item) -> Int {
        if open.isEmpty { open.reserveCapacity(SortedRuns.runLength) }
        open.append(item)
        return open.count < SortedRuns.runLength ? 0 : closeRun()
    }

    /// Says that all are in.
    mutating func seal() {
        _ = closeRun()
    }

    private mutating func closeRun() -> Int {
        guard !open.isEmpty else { return 0 }
        sort(&open)
        runs.append((open, 0))
        open = []
        heap.append(runs.count - 1)
        rise()
        return SortedRuns.runLength
    }

    /// The first item of those that have not been taken.
    var first: Item? { heap.first.map { head($0) } }

    /// Takes the first item, which must be there.
    mutating func removeFirst() {
        let run = heap[0]
        runs[run].next += 1
        if runs[run].next == runs[run].items.count {
            runs[run].items = []
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        if heap.count > 1 { sink() }
    }

    private func head(_ run: Int) -> Item { runs[run].items[runs[run].next] }

    private mutating func rise() {
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard precedes(head(heap[place]), head(heap[parent])) else { return }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var first = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if precedes(head(heap[child]), head(heap[first])) { first = child }
            }
            if first == place { return }
            heap.swapAt(first, place)
            place = first
        }
    }
}
