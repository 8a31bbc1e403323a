// Pemba: check, the message that everything else makes way for.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A check request as it lies in the frame: nothing is copied, so the view ends with the frame's bytes.
package struct CheckRequestView {
    /// Milliseconds until the caller stops waiting; 0: the node's default.
    package var deadlineMilliseconds: UInt32
    /// How fresh the state must be.
    package var consistency: Consistency
    /// The question.
    package var check: CheckView

    /// Reads the payload of a `check` frame.
    @inline(__always)
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        deadlineMilliseconds = try reader.integer()
        consistency = try Consistency(decoding: &reader)
        check = try reader.check()
        try reader.expectEnd()
    }
}

extension ByteReader {
    @inline(__always)
    mutating func check() throws(ByteError) -> CheckView {
        let resourceType = try slice(limit: Limits.definitionNameBytes)
        let resourceID = try slice(limit: Limits.objectIDBytes)
        let permission = try slice(limit: Limits.relationNameBytes)
        let subjectType = try slice(limit: Limits.definitionNameBytes)
        let subjectID = try slice(limit: Limits.objectIDBytes)
        let subjectRelation = try slice(limit: Limits.relationNameBytes)
        return CheckView(
            resourceType: resourceType,
            resourceID: resourceID,
            permission: permission,
            subjectType: subjectType,
            subjectID: subjectID,
            subjectRelation: subjectRelation
        )
    }
}

extension CheckItem {
    /// Appends the payload of a `check` frame.
    package func encode(
        consistency: Consistency,
        deadlineMilliseconds: UInt32,
        into output: inout ByteWriter
    ) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.check(self)
    }
}

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
    fileprivate func store(to target: UnsafeMutableRawBufferPointer) {
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

extension FrameWriter {
    /// Appends a whole `checkAnswer` frame: 38 bytes in one step.
    package static func checkAnswer(
        _ permissionship: Permissionship,
        zookie: EncodedZookie,
        correlation: UInt64,
        into output: inout ByteWriter
    ) {
        let payload = CheckAnswer.encodedSize
        let header = FrameHeader(payloadLength: UInt32(payload), type: .checkAnswer, correlation: correlation)
        var frame: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
        withUnsafeMutableBytes(of: &frame) { buffer in
            buffer.storeBytes(of: header.word.littleEndian, as: UInt128.self)
            buffer[FrameHeader.size] = permissionship.rawValue
            zookie.store(to: UnsafeMutableRawBufferPointer(rebasing: buffer[(FrameHeader.size + 1)...]))
            output.bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<(FrameHeader.size + payload)]))
        }
    }
}

extension CheckAnswer {
    /// Bytes of the payload.
    package static let encodedSize = 1 + Zookie.encodedSize

    /// Appends the payload of a `checkAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        output.integer(permissionship.rawValue)
        zookie.encode(into: &output)
    }

    /// Reads the payload of a `checkAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let permissionship = try reader.permissionship()
        self.init(permissionship: permissionship, zookie: try reader.zookie())
        try reader.expectEnd()
    }
}

extension ByteReader {
    mutating func permissionship() throws(ByteError) -> Permissionship {
        let value: UInt8 = try integer()
        guard let permissionship = Permissionship(rawValue: value) else {
            throw .invalidValue(field: "permissionship", value: UInt64(value))
        }
        return permissionship
    }
}
