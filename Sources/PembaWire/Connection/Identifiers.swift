// Pemba: identifiers in frames.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension ClusterID {
    /// Appends the 16 bytes in the order of the hexadecimal text, which is not little-endian.
    func encode(into output: inout ByteWriter) {
        output.integer(high.byteSwapped)
        output.integer(low.byteSwapped)
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        let high: UInt64 = try reader.integer()
        let low: UInt64 = try reader.integer()
        self.init(high: high.byteSwapped, low: low.byteSwapped)
    }
}

extension ByteReader {
    /// Reads a node's number, which is not 0.
    mutating func nodeID() throws(ByteError) -> NodeID {
        guard let node = try optionalNodeID() else { throw .invalidValue(field: "node id", value: 0) }
        return node
    }

    /// Reads a node's number; 0 names none.
    mutating func optionalNodeID() throws(ByteError) -> NodeID? {
        let number: UInt64 = try integer()
        return number == 0 ? nil : NodeID(number)
    }

    /// Reads the zookie's 21 bytes.
    mutating func zookie() throws(ByteError) -> Zookie {
        try Zookie(decoding: try take(Zookie.encodedSize))
    }
}
