// Pemba: stacks of the evaluation.
// SPDX-License-Identifier: Apache-2.0

/// A stack of plain values in memory that it keeps; the owner calls `release`.
struct Stack<Element: BitwiseCopyable> {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int
    private let smallest: Int

    init(capacity: Int) {
        base = .allocate(capacity: capacity)
        self.capacity = capacity
        smallest = capacity
    }

    func release() { base.deallocate() }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// The last element; there must be one.
    @inline(__always)
    var top: UnsafeMutablePointer<Element> { base + (count &- 1) }

    @inline(__always)
    subscript(position: Int) -> Element {
        get { base[position] }
        nonmutating set { base[position] = newValue }
    }

    @inline(__always)
    mutating func push(_ element: Element) {
        if count == capacity { grow() }
        (base + count).initialize(to: element)
        count &+= 1
    }

    @inline(__always)
    mutating func pop() { count &-= 1 }

    /// Cuts the stack down to `newCount` elements.
    @inline(__always)
    mutating func cut(to newCount: Int) { count = newCount }

    /// Empties the stack, and gives back memory beyond `keeping` elements.
    mutating func removeAll(keeping: Int) {
        count = 0
        guard capacity > max(keeping, smallest) else { return }
        base.deallocate()
        base = .allocate(capacity: smallest)
        capacity = smallest
    }

    private mutating func grow() {
        let new = UnsafeMutablePointer<Element>.allocate(capacity: capacity * 2)
        new.moveInitialize(from: base, count: count)
        base.deallocate()
        base = new
        capacity *= 2
    }
}
