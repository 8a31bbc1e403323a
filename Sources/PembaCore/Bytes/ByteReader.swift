// Pemba: reading untrusted bytes.
// SPDX-License-Identifier: Apache-2.0

/// What is wrong with bytes that could not be read.
public enum ByteError: Error, Equatable, Sendable {
    /// Fewer bytes are left than the value needs.
    case truncated(needed: Int, available: Int)
    /// A variable-length number is longer than ten bytes or does not fit 64 bits, or has a needless zero byte at its end.
    case malformedVarint
    /// A length or count exceeds the limit of its field.
    case exceedsLimit(value: UInt64, limit: UInt64)
    /// A string is not UTF-8.
    case invalidUTF8
    /// A field holds a value that its format does not define.
    case invalidValue(field: String, value: UInt64)
    /// A text is not what its field demands.
    case invalidText(field: String, reason: String)
    /// Bytes are left over after the last field.
    case trailingBytes(count: Int)
}

/// A cursor over bytes that somebody else wrote; every read is bounds-checked and throws, none traps.
///
/// The reader borrows memory: it is valid only inside the `withUnsafeBytes` that it was made in. Integers are
/// little-endian; lengths are unsigned LEB128 (`varint`) in their shortest form.
public struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var position: Int

    /// Starts at the first of `bytes`.
    @inlinable
    @inline(__always)
    public init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        self.position = 0
    }

    /// How many bytes have been read.
    @inlinable public var offset: Int { position }

    /// How many bytes are left.
    @inlinable public var remaining: Int { bytes.count - position }

    /// Whether nothing is left.
    @inlinable public var isAtEnd: Bool { position == bytes.count }

    /// Reads a fixed-width little-endian integer.
    @inlinable
    @inline(__always)
    public mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(ByteError) -> Value {
        let slice = try take(MemoryLayout<Value>.size)
        return Value(littleEndian: slice.loadUnaligned(as: Value.self))
    }

    /// Reads an unsigned LEB128 number of at most ten bytes in its shortest form.
    @inlinable
    @inline(__always)
    public mutating func varint() throws(ByteError) -> UInt64 {
        // Nearly every length is below 128; the loop stays out of line.
        if position < bytes.count, bytes[position] < 0x80 {
            position += 1
            return UInt64(bytes[position - 1])
        }
        return try longVarint()
    }

    @usableFromInline
    mutating func longVarint() throws(ByteError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte: UInt8 = try integer()
            let bits = UInt64(byte & 0x7F)
            guard shift < 64, ((bits << shift) >> shift) == bits else { throw .malformedVarint }
            value |= bits << shift
            if byte & 0x80 == 0 {
                guard byte != 0 || shift == 0 else { throw .malformedVarint }
                return value
            }
            shift += 7
        }
    }

    /// Reads a varint that is a length or a count of at most `limit`.
    @inlinable
    @inline(__always)
    public mutating func count(limit: Int) throws(ByteError) -> Int {
        let value = try varint()
        guard value <= UInt64(limit) else { throw .exceedsLimit(value: value, limit: UInt64(limit)) }
        return Int(value)
    }

    /// Reads a boolean: one byte, 0 or 1.
    public mutating func boolean(field: String) throws(ByteError) -> Bool {
        let byte: UInt8 = try integer()
        guard byte <= 1 else { throw .invalidValue(field: field, value: UInt64(byte)) }
        return byte == 1
    }

    /// Takes the next `count` bytes without copying them.
    @inlinable
    @inline(__always)
    public mutating func take(_ count: Int) throws(ByteError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - position else { throw .truncated(needed: count, available: remaining) }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
        position += count
        return slice
    }

    /// Takes a varint length of at most `limit` and that many bytes, without copying them.
    @inlinable
    @inline(__always)
    public mutating func slice(limit: Int) throws(ByteError) -> UnsafeRawBufferPointer {
        let length = try count(limit: limit)
        return try take(length)
    }

    /// Reads a varint length of at most `limit` and that many bytes.
    public mutating func byteArray(limit: Int) throws(ByteError) -> [UInt8] { [UInt8](try slice(limit: limit)) }

    /// Reads a varint length of at most `limit` bytes and that much UTF-8.
    public mutating func string(limit: Int) throws(ByteError) -> String {
        let utf8 = try slice(limit: limit)
        guard let text = String(utf8: utf8) else { throw .invalidUTF8 }
        return text
    }

    /// Takes all that is left without copying it.
    public mutating func rest() -> UnsafeRawBufferPointer {
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position...])
        position = bytes.count
        return slice
    }

    /// Refuses bytes after the last field.
    @inlinable
    public func expectEnd() throws(ByteError) {
        guard isAtEnd else { throw .trailingBytes(count: remaining) }
    }
}
