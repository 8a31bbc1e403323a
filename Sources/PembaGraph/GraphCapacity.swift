// Pemba: how much address space a graph reserves.
// SPDX-License-Identifier: Apache-2.0

/// The address space that a graph reserves once and never moves; memory is taken only as it is used.
package struct GraphCapacity: Sendable {
    /// The highest number of objects and subjects with tuples at a time.
    package var entities: Int
    /// Bytes for rows: about 10 for each end of a tuple.
    package var rowBytes: Int
    /// Bytes for ids, each rounded up to 8.
    package var stringBytes: Int
    /// Whether to ask for huge pages: fewer address misses, memory in steps of 2 MiB.
    package var hugePages: Bool

    /// Makes a capacity.
    ///
    /// The formats of references bound it: 2^31 entities, 32 GiB each of rows and ids.
    package init(entities: Int, rowBytes: Int, stringBytes: Int, hugePages: Bool) {
        let words = Int(UInt32.max) * MemoryLayout<UInt64>.size
        precondition(entities > 0 && entities <= 1 << 31, "a graph has 1 to 2^31 entities")
        precondition(rowBytes > 0 && rowBytes <= words, "a graph has at most 32 GiB of rows")
        precondition(stringBytes > 0 && stringBytes <= words, "a graph has at most 32 GiB of ids")
        self.entities = entities
        self.rowBytes = rowBytes
        self.stringBytes = stringBytes
        self.hugePages = hugePages
    }

    /// A node's graph: a billion entities.
    package static let standard = GraphCapacity(
        entities: 1 << 30,
        rowBytes: Int(UInt32.max) * MemoryLayout<UInt64>.size,
        stringBytes: Int(UInt32.max) * MemoryLayout<UInt64>.size,
        hugePages: true
    )

    /// One of many graphs in a process: four million entities.
    package static let small = GraphCapacity(
        entities: 1 << 22,
        rowBytes: 1 << 28,
        stringBytes: 1 << 28,
        hugePages: false
    )
}
