// Pemba: comparing strings by their bytes.
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Whether both strings are the same UTF-8. (`==` is canonical equivalence: it takes "é" for "e" with an accent.)
    public func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// Whether this string's UTF-8 comes before the other's, byte by byte: the order of reads, files and snapshots.
    public func precedesByBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

    /// Hashes the UTF-8 and its length.
    public func hashBytes(into hasher: inout Hasher) {
        hasher.combine(utf8.count)
        for byte in utf8 { hasher.combine(byte) }
    }
}
