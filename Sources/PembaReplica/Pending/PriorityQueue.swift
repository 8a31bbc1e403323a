// Pemba: what comes first by a key.
// SPDX-License-Identifier: Apache-2.0

/// A binary heap that gives back the smallest key first, and equal keys in the order in which they were added.
package struct PriorityQueue<Key: Comparable, Value> {
    private struct Element {
        let key: Key
        let order: UInt64
        let value: Value

        func precedes(_ other: Element) -> Bool {
            key < other.key || (!(other.key < key) && order < other.order)
        }
    }

    /// Every element precedes its children, which stand at twice its place plus one and plus two.
    private var elements: [Element] = []
    private var nextOrder: UInt64 = 0

    package init() {}

    /// How many elements there are.
    package var count: Int { elements.count }

    /// The smallest key; nil if there is no element.
    package var firstKey: Key? { elements.first?.key }

    /// The value that comes first; nil if there is no element.
    package var first: Value? { elements.first?.value }

    /// Adds a value.
    package mutating func insert(_ value: Value, at key: Key) {
        elements.append(Element(key: key, order: nextOrder, value: value))
        nextOrder += 1
        siftUp(elements.count - 1)
    }

    /// Removes and returns the value that comes first.
    package mutating func removeFirst() -> Value? {
        guard let first = elements.first else { return nil }
        let last = elements.removeLast()
        if !elements.isEmpty {
            elements[0] = last
            siftDown(0)
        }
        return first.value
    }

    /// Removes the values that are no longer `wanted`.
    package mutating func keep(where wanted: (Value) -> Bool) {
        elements.removeAll { !wanted($0.value) }
        for place in stride(from: elements.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
    }

    private mutating func siftUp(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard elements[place].precedes(elements[parent]) else { return }
            elements.swapAt(place, parent)
            place = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var place = start
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < elements.count && elements[child].precedes(elements[smallest]) {
                smallest = child
            }
            guard smallest != place else { return }
            elements.swapAt(place, smallest)
            place = smallest
        }
    }
}
