// Pemba: check, the message that everything else makes way for.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// What follows the question of a check, or stands before the questions of a bulk check, by bit.
enum CheckFlags {
    static let context: UInt8 = 1
    static let contextualTuples: UInt8 = 2
    static let maxDepth: UInt8 = 4

    static func check(_ flags: UInt8, _ known: UInt8) throws(ByteError) {
        guard flags & ~known == 0 else { throw .invalidValue(field: "check flags", value: UInt64(flags)) }
    }

    /// Refuses something empty that a flag has announced: each request has one encoding.
    static func check(announced isThere: Bool) throws(ByteError) {
        guard isThere else { throw .invalidValue(field: "check flags", value: 0) }
    }
}

/// A check request as it lies in the frame: nothing is copied, so the view ends with the frame's bytes.
package struct CheckRequestView {
    /// Milliseconds until the caller stops waiting; 0: the node's default.
    package var deadlineMilliseconds: UInt32
    /// How fresh the state must be.
    package var consistency: Consistency
    /// The question.
    package var check: CheckView
    /// The JSON of the request's context, for `ContextObject(requestContext:)`; empty if there is none.
    package var context = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The contextual tuples, for `[RelationTuple](contextualTuples:)`; empty if there are none.
    package var contextualTuples = UnsafeRawBufferPointer(start: nil, count: 0)
    /// How many levels the evaluation may go down; nil for as many as it needs.
    package var maxDepth: UInt32?

    /// Reads the payload of a `check` frame.
    @inline(__always)
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        deadlineMilliseconds = try reader.integer()
        consistency = try Consistency(decoding: &reader)
        check = try reader.check()
        let flags: UInt8 = try reader.integer()
        if flags != 0 { try readOptions(flags, &reader) }
        try reader.expectEnd()
    }

    /// Whether nothing counts but stored tuples, to any depth.
    package var isPlain: Bool { context.isEmpty && contextualTuples.isEmpty && maxDepth == nil }

    @inline(never)
    private mutating func readOptions(_ flags: UInt8, _ reader: inout ByteReader) throws(ByteError) {
        try CheckFlags.check(flags, CheckFlags.context | CheckFlags.contextualTuples | CheckFlags.maxDepth)
        if flags & CheckFlags.context != 0 { context = try reader.announcedContext() }
        if flags & CheckFlags.contextualTuples != 0 { contextualTuples = try reader.announcedTuples() }
        if flags & CheckFlags.maxDepth != 0 { maxDepth = try reader.maxDepth() }
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

    mutating func announcedContext() throws(ByteError) -> UnsafeRawBufferPointer {
        let context = try requestContextSlice()
        try CheckFlags.check(announced: !context.isEmpty)
        return context
    }

    mutating func announcedTuples() throws(ByteError) -> UnsafeRawBufferPointer {
        let tuples = try contextualTuplesSlice()
        // The count alone is one byte.
        try CheckFlags.check(announced: tuples.count > 1)
        return tuples
    }

    mutating func maxDepth() throws(ByteError) -> UInt32 { UInt32(try count(limit: Int(UInt32.max))) }
}

extension CheckItem {
    /// Appends the payload of a `check` frame.
    package func encode(
        consistency: Consistency,
        contextualTuples: [RelationTuple] = [],
        maxDepth: UInt32? = nil,
        deadlineMilliseconds: UInt32,
        into output: inout ByteWriter
    ) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.check(self)
        var flags: UInt8 = 0
        if !context.isEmpty { flags |= CheckFlags.context }
        if !contextualTuples.isEmpty { flags |= CheckFlags.contextualTuples }
        if maxDepth != nil { flags |= CheckFlags.maxDepth }
        output.integer(flags)
        if !context.isEmpty { output.context(context) }
        if !contextualTuples.isEmpty { output.tuples(contextualTuples) }
        if let maxDepth { output.varint(UInt64(maxDepth)) }
    }
}

extension FrameWriter {
    /// Appends a whole `checkAnswer` frame of an answer that is not conditional: 38 bytes in one step.
    package static func checkAnswer(
        _ permissionship: Permissionship,
        zookie: EncodedZookie,
        correlation: UInt64,
        into output: inout ByteWriter
    ) {
        precondition(permissionship != .conditional, "a conditional answer says what is missing")
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

    /// Appends a whole `checkAnswer` frame.
    package static func checkAnswer(
        _ decision: Decision,
        zookie: EncodedZookie,
        correlation: UInt64,
        into output: inout ByteWriter
    ) {
        guard decision.permissionship == .conditional else {
            return checkAnswer(decision.permissionship, zookie: zookie, correlation: correlation, into: &output)
        }
        frame(type: .checkAnswer, correlation: correlation, into: &output) { output in
            output.integer(decision.permissionship.rawValue)
            zookie.encode(into: &output)
            output.missingContext(decision.missingContext)
        }
    }
}

extension CheckAnswer {
    /// Bytes of the payload of an answer that is not conditional.
    package static let encodedSize = 1 + Zookie.encodedSize

    /// Appends the payload of a `checkAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        output.integer(permissionship.rawValue)
        zookie.encode(into: &output)
        if permissionship == .conditional { output.missingContext(decision.missingContext) }
    }

    /// Reads the payload of a `checkAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let permissionship = try reader.permissionship()
        let zookie = try reader.zookie()
        let missing = permissionship == .conditional ? try reader.missingContext() : []
        try reader.expectEnd()
        self.init(Decision(permissionship, missingContext: missing), zookie: zookie)
    }
}
