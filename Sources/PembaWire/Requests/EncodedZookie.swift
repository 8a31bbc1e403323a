// Pemba: a zookie that is written often.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A zookie's 21 bytes as a value.
///
/// A node makes it once for all answers of one revision.
package struct EncodedZookie: Sendable {
    private var head: UInt128
    private var middle: UInt32
    private var last: UInt8

    /// Encodes `zookie`.
    package init(_ zookie: Zookie) {
        let bytes = zookie.bytes
        (head, middle, last) = bytes.withUnsafeBytes { raw in
            (
                UInt128(littleEndian: raw.loadUnaligned(as: UInt128.self)),
                UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt32.self)),
                raw[20]
            )
        }
    }

    /// Stores the 21 bytes at `target`.
    @inline(__always)
    func store(to target: UnsafeMutableRawBufferPointer) {
        target.storeBytes(of: head.littleEndian, as: UInt128.self)
        target.storeBytes(of: middle.littleEndian, toByteOffset: 16, as: UInt32.self)
        target.storeBytes(of: last, toByteOffset: 20, as: UInt8.self)
    }

    /// Appends the 21 bytes.
    package func encode(into output: inout ByteWriter) {
        output.integer(head)
        output.integer(middle)
        output.integer(last)
    }
}
