// Pemba: writing tuples and the schema, and the sessions that make writes exactly-once.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension WriteRequest {
    /// Appends the payload of a `write` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.boolean(idempotencyKey != nil)
        if let idempotencyKey {
            output.integer(idempotencyKey.session)
            output.integer(idempotencyKey.sequence)
            output.integer(idempotencyKey.firstUnacknowledged)
        }
        output.count(updates.count)
        for update in updates {
            output.integer(update.operation.rawValue)
            output.tuple(update.tuple)
        }
        output.count(preconditions.count)
        for precondition in preconditions {
            output.integer(precondition.kind.rawValue)
            output.filter(precondition.filter)
        }
    }

    /// Reads the payload of a `write` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<WriteRequest> {
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        var request = WriteRequest(updates: [])
        if try reader.boolean(field: "idempotency key present") {
            let session: UInt64 = try reader.integer()
            let sequence: UInt64 = try reader.integer()
            let first: UInt64 = try reader.integer()
            request.idempotencyKey = IdempotencyKey(session: session, sequence: sequence, firstUnacknowledged: first)
        }
        for _ in 0..<(try reader.count(limit: Limits.updatesPerWrite)) {
            let number: UInt8 = try reader.integer()
            guard let operation = TupleUpdate.Operation(rawValue: number) else {
                throw .invalidValue(field: "operation", value: UInt64(number))
            }
            request.updates.append(TupleUpdate(operation, try reader.tuple()))
        }
        for _ in 0..<(try reader.count(limit: Limits.preconditionsPerWrite)) {
            let number: UInt8 = try reader.integer()
            guard let kind = Precondition.Kind(rawValue: number) else {
                throw .invalidValue(field: "precondition", value: UInt64(number))
            }
            request.preconditions.append(Precondition(kind, try reader.filter()))
        }
        try reader.expectEnd()
        return Timed(deadlineMilliseconds: deadline, request: request)
    }
}

/// The answer to a write of tuples or of the schema: the revision that first holds it.
package struct WriteAnswer: Hashable, Sendable {
    /// The revision as a token.
    package var zookie: Zookie
    /// The leader that the node knows: where the next write saves a hop.
    package var leader: NodeID?

    package init(zookie: Zookie, leader: NodeID? = nil) {
        self.zookie = zookie
        self.leader = leader
    }

    /// Appends the payload of a `writeAnswer` or `writeSchemaAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.integer(leader?.rawValue ?? 0)
    }

    /// Reads the payload of a `writeAnswer` or `writeSchemaAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        zookie = try reader.zookie()
        leader = try reader.optionalNodeID()
        try reader.expectEnd()
    }
}

/// Replaces the schema.
package struct WriteSchemaRequest: Hashable, Sendable {
    /// The new schema's source.
    package var source: String

    package init(source: String) { self.source = source }

    /// Appends the payload of a `writeSchema` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.string(source)
    }

    /// Reads the payload of a `writeSchema` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<WriteSchemaRequest> {
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        let request = WriteSchemaRequest(source: try reader.string(limit: Limits.schemaBytes))
        try reader.expectEnd()
        return Timed(deadlineMilliseconds: deadline, request: request)
    }
}

/// A request that asks for something without saying more: `openSession` and `status`.
package struct PlainRequest: Hashable, Sendable {
    package init() {}

    /// Appends the payload.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
    }

    /// Reads a payload.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<PlainRequest> {
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        try reader.expectEnd()
        return Timed(deadlineMilliseconds: deadline, request: PlainRequest())
    }
}

/// The answer to `openSession`.
package struct OpenSessionAnswer: Hashable, Sendable {
    /// The session for idempotency keys.
    package var session: UInt64

    package init(session: UInt64) { self.session = session }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) { output.integer(session) }

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        session = try reader.integer()
        try reader.expectEnd()
    }
}
