// Pemba: writing what `ByteReader` reads.
// SPDX-License-Identifier: Apache-2.0

/// A growing array of bytes in the encoding of `ByteReader`: little-endian integers, LEB128 lengths.
public struct ByteWriter: Sendable {
    /// All that was written.
    public var bytes: [UInt8]

    /// Starts empty, with room for `capacity` bytes.
    public init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Appends a fixed-width little-endian integer.
    @inlinable
    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends an unsigned LEB128 number in its shortest form.
    @inlinable
    public mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// Appends a length or a count as a varint.
    @inlinable
    public mutating func count(_ value: Int) { varint(UInt64(value)) }

    /// Appends a boolean as one byte.
    @inlinable
    public mutating func boolean(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// Appends bytes without a length.
    @inlinable
    public mutating func raw(_ slice: some Collection<UInt8>) { bytes.append(contentsOf: slice) }

    /// Appends a varint length and the bytes.
    @inlinable
    public mutating func lengthPrefixed(_ slice: some Collection<UInt8>) {
        count(slice.count)
        bytes.append(contentsOf: slice)
    }

    /// Appends a varint length in bytes and the string's UTF-8.
    public mutating func string(_ text: String) {
        var copy = text
        copy.withUTF8 { utf8 in
            count(utf8.count)
            bytes.append(contentsOf: utf8)
        }
    }

    /// Overwrites a fixed-width integer that was written at `offset`.
    @inlinable
    public mutating func overwrite<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        let end = offset + MemoryLayout<Value>.size
        precondition(offset >= 0 && end <= bytes.count, "overwrite outside the written bytes")
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self) }
    }
}
