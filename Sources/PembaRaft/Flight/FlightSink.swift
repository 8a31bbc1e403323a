// Pemba: where the numbers of a flight recording go.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Takes numbers: writes them down, or hashes them.
protocol FlightSink {
    /// Takes one number.
    mutating func number(_ value: UInt64)
}

extension FlightSink {
    mutating func count(_ value: Int) { number(UInt64(value)) }

    mutating func flag(_ value: Bool) { number(value ? 1 : 0) }

    mutating func fields(_ first: UInt64, _ second: UInt64) {
        number(first)
        number(second)
    }

    mutating func fields(_ first: UInt64, _ second: UInt64, _ third: UInt64) {
        number(first)
        number(second)
        number(third)
    }

    /// Takes a number that may be missing.
    mutating func optional(_ value: UInt64?) {
        flag(value != nil)
        if let value { number(value) }
    }

    mutating func nodes(_ nodes: [NodeID]) {
        count(nodes.count)
        for node in nodes { number(node.rawValue) }
    }

    mutating func numbers(_ values: [UInt64]) {
        count(values.count)
        for value in values { number(value) }
    }

    /// Takes bytes that must be known as they are.
    mutating func bytes(_ bytes: [UInt8]) {
        count(bytes.count)
        for byte in bytes { number(UInt64(byte)) }
    }
}

/// Writes numbers as varints into memory of a fixed size; what does not fit is dropped, and `isFull` says so.
struct FlightWriter: FlightSink {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var offset: Int
    private(set) var isFull = false

    init(_ memory: UnsafeMutableRawBufferPointer, at offset: Int) {
        self.memory = memory
        self.offset = offset
    }

    mutating func number(_ value: UInt64) {
        // Ten bytes hold any number.
        guard offset + 10 <= memory.count else {
            isFull = true
            return
        }
        var rest = value
        while rest >= 0x80 {
            memory[offset] = UInt8(truncatingIfNeeded: rest) | 0x80
            offset += 1
            rest >>= 7
        }
        memory[offset] = UInt8(truncatingIfNeeded: rest)
        offset += 1
    }
}

/// Hashes numbers.
struct FlightHasher: FlightSink {
    private var hasher = StateHasher(domain: 12)

    mutating func number(_ value: UInt64) { hasher.combine(value) }

    /// The hash, of a length that is enough to notice a difference.
    var value: UInt32 { UInt32(truncatingIfNeeded: hasher.value) }
}
