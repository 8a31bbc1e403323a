// Pemba: many checks in one frame.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A bulk check as it lies in the frame: nothing is copied, so the view ends with the frame's bytes.
package struct BulkCheckRequestView {
    /// Milliseconds until the caller stops waiting; 0: the node's default.
    package var deadlineMilliseconds: UInt32
    /// How fresh the state must be; one revision for all.
    package var consistency: Consistency
    /// The contextual tuples of all checks, for `[RelationTuple](contextualTuples:)`; empty if there are none.
    package private(set) var contextualTuples = UnsafeRawBufferPointer(start: nil, count: 0)
    /// How many levels each evaluation may go down; nil for as many as it needs.
    package private(set) var maxDepth: UInt32?
    /// How many checks follow.
    package let count: Int

    private var reader: ByteReader
    private var taken = 0

    /// Reads the head of the payload of a `bulkCheck` frame; `next` reads the checks.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        reader = ByteReader(payload)
        deadlineMilliseconds = try reader.integer()
        consistency = try Consistency(decoding: &reader)
        let flags: UInt8 = try reader.integer()
        try CheckFlags.check(flags, CheckFlags.contextualTuples | CheckFlags.maxDepth)
        if flags & CheckFlags.contextualTuples != 0 { contextualTuples = try reader.announcedTuples() }
        if flags & CheckFlags.maxDepth != 0 { maxDepth = try reader.maxDepth() }
        count = try reader.count(limit: Limits.checksPerBulk)
    }

    /// The next check and the JSON of its context, for `ContextObject(requestContext:)`; nil after the last, when
    /// nothing may follow.
    package mutating func next() throws(ByteError) -> (check: CheckView, context: UnsafeRawBufferPointer)? {
        guard taken < count else {
            try reader.expectEnd()
            return nil
        }
        taken += 1
        let check = try reader.check()
        let flags: UInt8 = try reader.integer()
        guard flags != 0 else { return (check, UnsafeRawBufferPointer(start: nil, count: 0)) }
        try CheckFlags.check(flags, CheckFlags.context)
        return (check, try reader.announcedContext())
    }

    /// Reads all checks into `checks` and the JSON of their contexts into `contexts`, which are overwritten and keep
    /// their capacity; `contexts` stays empty if no check has one.
    package mutating func readAll(
        into checks: inout [CheckView],
        contexts: inout [UnsafeRawBufferPointer]
    ) throws(ByteError) {
        checks.removeAll(keepingCapacity: true)
        contexts.removeAll(keepingCapacity: true)
        while let (check, context) = try next() {
            if !context.isEmpty, contexts.isEmpty {
                contexts.append(
                    contentsOf: repeatElement(UnsafeRawBufferPointer(start: nil, count: 0), count: checks.count)
                )
            }
            if !context.isEmpty || !contexts.isEmpty { contexts.append(context) }
            checks.append(check)
        }
    }
}

/// Many checks, as a client sends them.
package enum BulkCheckRequest {
    /// Appends the payload of a `bulkCheck` frame.
    package static func encode(
        _ items: some Collection<CheckItem>,
        consistency: Consistency,
        contextualTuples: [RelationTuple] = [],
        maxDepth: UInt32? = nil,
        deadlineMilliseconds: UInt32,
        into output: inout ByteWriter
    ) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        var flags: UInt8 = 0
        if !contextualTuples.isEmpty { flags |= CheckFlags.contextualTuples }
        if maxDepth != nil { flags |= CheckFlags.maxDepth }
        output.integer(flags)
        if !contextualTuples.isEmpty { output.tuples(contextualTuples) }
        if let maxDepth { output.varint(UInt64(maxDepth)) }
        output.count(items.count)
        for item in items {
            output.check(item)
            output.integer(item.context.isEmpty ? 0 : CheckFlags.context)
            if !item.context.isEmpty { output.context(item.context) }
        }
    }
}

/// Appends the payload of a `bulkCheckAnswer` frame as the answers come.
package struct BulkCheckAnswerWriter {
    /// What stands for an error in the place of a permissionship.
    package static let errorTag: UInt8 = 255
    /// Bytes of missing context in one answer, so that ten thousand conditional answers fit one frame.
    package static let missingContextBytes = 1 << 20

    private var missingContextBytes = 0

    /// Appends what comes before the items.
    package init(count: Int, zookie: EncodedZookie, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.count(count)
    }

    /// Appends the answer of the next item.
    @inline(__always)
    package mutating func item(_ decision: Decision, into output: inout ByteWriter) {
        if decision.permissionship == .conditional {
            conditional(decision, into: &output)
        } else {
            output.bytes.append(decision.permissionship.rawValue)
        }
    }

    /// Appends the error of the next item; long messages are cut and details left out.
    package mutating func item(_ error: ServiceError, into output: inout ByteWriter) {
        output.bytes.append(BulkCheckAnswerWriter.errorTag)
        error.encodeItem(into: &output)
    }

    /// An answer whose missing context has no room becomes an error: an answer is never cut short in silence.
    private mutating func conditional(_ decision: Decision, into output: inout ByteWriter) {
        let start = output.bytes.count
        output.decision(decision)
        missingContextBytes += output.bytes.count - start
        guard missingContextBytes > BulkCheckAnswerWriter.missingContextBytes else { return }
        output.bytes.removeLast(output.bytes.count - start)
        item(
            ServiceError(
                .limitExceeded,
                "the answer is conditional, and what is missing in all answers of this bulk check has no room in one "
                    + "frame; ask for fewer at a time"
            ),
            into: &output
        )
    }
}

extension BulkCheckAnswer {
    /// Appends the payload of a `bulkCheckAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        var writer = BulkCheckAnswerWriter(count: results.count, zookie: EncodedZookie(zookie), into: &output)
        for result in results {
            switch result {
            case .success(let decision): writer.item(decision, into: &output)
            case .failure(let error): writer.item(error, into: &output)
            }
        }
    }

    /// Reads the payload of a `bulkCheckAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let results = try reader.list(limit: Limits.checksPerBulk) {
            reader throws(ByteError) -> Result<Decision, ServiceError> in
            let tag: UInt8 = try reader.integer()
            if tag == BulkCheckAnswerWriter.errorTag { return .failure(try ErrorFrame(reading: &reader).serviceError) }
            guard let permissionship = Permissionship(rawValue: tag) else {
                throw .invalidValue(field: "permissionship", value: UInt64(tag))
            }
            let missing = permissionship == .conditional ? try reader.missingContext() : []
            return .success(Decision(permissionship, missingContext: missing))
        }
        try reader.expectEnd()
        self.init(results: results, zookie: zookie)
    }
}
