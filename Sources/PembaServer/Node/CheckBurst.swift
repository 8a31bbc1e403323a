// Pemba: the checks of one read burst.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaWire

/// The checks that one connection sent in one burst, as bytes of their frames; the memory is used again for the next.
struct CheckBurst {
    /// One check's place.
    struct Item {
        /// Which request it is.
        var correlation: UInt64
        /// Where its payload lies in `bytes`.
        var start: Int
        var count: Int
    }

    /// The payloads, one after the other.
    private(set) var bytes: [UInt8] = []
    /// The checks.
    private(set) var items: [Item] = []

    /// Memory that is kept between bursts.
    private static let keptBytes = 1 << 20

    /// Whether there is none.
    var isEmpty: Bool { items.isEmpty }

    /// Takes a copy of a check's payload: it lies in the connection's buffer only while its frame is handed over.
    @inline(__always)
    mutating func append(_ payload: UnsafeRawBufferPointer, correlation: UInt64) {
        items.append(Item(correlation: correlation, start: bytes.count, count: payload.count))
        bytes.append(contentsOf: payload)
    }

    /// Forgets the checks and keeps the memory.
    mutating func clear() {
        let keeps = bytes.count <= CheckBurst.keptBytes
        bytes.removeAll(keepingCapacity: keeps)
        items.removeAll(keepingCapacity: keeps)
    }

    /// Looks at one payload.
    func withPayload<Value>(_ item: Item, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[item.start..<(item.start + item.count)])) }
    }
}
