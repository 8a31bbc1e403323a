// Pemba: strings and their bytes.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Makes a string of UTF-8; nil if the bytes are none.
    ///
    /// The standard library's own check goes through generic code that costs many times as much as a short string; nearly
    /// all are ASCII, which needs no check.
    public init?(utf8 bytes: UnsafeRawBufferPointer) {
        if bytes.isASCII {
            self.init(decoding: bytes, as: UTF8.self)
        } else {
            self.init(validating: bytes, as: UTF8.self)
        }
    }

    /// Whether both strings are the same UTF-8. (`==` is canonical equivalence: it takes "é" for "e" with an accent.)
    public func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        return withBytes(of: other) { $0.elementsEqual($1) } ?? utf8.elementsEqual(other.utf8)
    }

    /// Whether this string's UTF-8 comes before the other's, byte by byte: the order of reads, files and snapshots.
    public func precedesByBytes(_ other: String) -> Bool {
        withBytes(of: other) { $0.lexicographicallyPrecedes($1) } ?? utf8.lexicographicallyPrecedes(other.utf8)
    }

    /// Looks at both strings where they lie, which is many times faster than byte by byte through their views; nil for
    /// strings that have no storage of UTF-8.
    private func withBytes(
        of other: String,
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Bool
    ) -> Bool? {
        utf8.withContiguousStorageIfAvailable { bytes in
            other.utf8.withContiguousStorageIfAvailable { otherBytes in body(bytes, otherBytes) }
        }
        .flatMap { $0 }
    }

    /// Hashes the UTF-8 and its length.
    public func hashBytes(into hasher: inout Hasher) {
        hasher.combine(utf8.count)
        for byte in utf8 { hasher.combine(byte) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether no byte has its highest bit set.
    fileprivate var isASCII: Bool {
        var place = 0
        while place + 8 <= count {
            if loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return false }
            place += 8
        }
        while place < count {
            if self[place] & 0x80 != 0 { return false }
            place += 1
        }
        return true
    }
}
