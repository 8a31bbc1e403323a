// Pemba: what all writes in the log have in common.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// What a write of tuples begins with: which write it is, and what watchers are told with it.
///
/// Flags u8 (bit 0: a key follows, bit 1: metadata follows); the key as three varints (session, sequence, first
/// unacknowledged); the metadata as JSON, a string.
struct CommandHead {
    /// Which write it is; nil to take the chance.
    var key: IdempotencyKey?
    /// What watchers are told.
    var metadata = ContextObject.empty

    private static let keyFlag: UInt8 = 1
    private static let metadataFlag: UInt8 = 2

    init(key: IdempotencyKey?, metadata: ContextObject = .empty) {
        self.key = key
        self.metadata = metadata
    }

    func encode(into writer: inout ByteWriter) {
        var flags: UInt8 = 0
        if key != nil { flags |= CommandHead.keyFlag }
        if !metadata.isEmpty { flags |= CommandHead.metadataFlag }
        writer.integer(flags)
        if let key {
            writer.varint(key.session)
            writer.varint(key.sequence)
            writer.varint(key.firstUnacknowledged)
        }
        if !metadata.isEmpty { writer.context(metadata) }
    }

    /// Reads past a head without making anything of it.
    static func skip(_ reader: inout ByteReader) throws(ByteError) {
        let flags: UInt8 = try reader.integer()
        if flags & CommandHead.keyFlag != 0 { for _ in 0..<3 { _ = try reader.varint() } }
        if flags & CommandHead.metadataFlag != 0 { _ = try reader.slice(limit: Limits.metadataBytes) }
    }

    init(reading reader: inout ByteReader) throws(ByteError) {
        let flags: UInt8 = try reader.integer()
        guard flags & ~(CommandHead.keyFlag | CommandHead.metadataFlag) == 0 else {
            throw .invalidValue(field: "write flags", value: UInt64(flags))
        }
        if flags & CommandHead.keyFlag != 0 {
            let session = try reader.varint()
            let sequence = try reader.varint()
            key = IdempotencyKey(session: session, sequence: sequence, firstUnacknowledged: try reader.varint())
        }
        if flags & CommandHead.metadataFlag != 0 {
            metadata = try reader.context(field: "metadata", limit: Limits.metadataBytes)
        }
    }
}

extension Precondition {
    /// Appends a count and each precondition: kind u8 and filter.
    static func encode(_ preconditions: [Precondition], into writer: inout ByteWriter) {
        writer.count(preconditions.count)
        for precondition in preconditions {
            writer.integer(precondition.kind.rawValue)
            precondition.filter.encode(into: &writer)
        }
    }

    /// Reads what `encode` writes.
    static func list(_ reader: inout ByteReader) throws(ByteError) -> [Precondition] {
        var preconditions: [Precondition] = []
        for _ in 0..<(try reader.count(limit: Limits.preconditionsPerWrite)) {
            let code: UInt8 = try reader.integer()
            guard let kind = Kind(rawValue: code) else {
                throw .invalidValue(field: "precondition kind", value: UInt64(code))
            }
            preconditions.append(Precondition(kind, try RelationshipFilter(reading: &reader)))
        }
        return preconditions
    }
}

extension TupleUpdate {
    /// Appends a count and each update: operation u8 and tuple.
    static func encode(_ updates: [TupleUpdate], into writer: inout ByteWriter) {
        writer.count(updates.count)
        for update in updates {
            writer.integer(update.operation.rawValue)
            update.tuple.encode(into: &writer)
        }
    }

    /// Reads what `encode` writes.
    static func list(_ reader: inout ByteReader, limit: Int) throws(ByteError) -> [TupleUpdate] {
        let count = try reader.count(limit: limit)
        var updates: [TupleUpdate] = []
        updates.reserveCapacity(count)
        for _ in 0..<count {
            let code: UInt8 = try reader.integer()
            guard let operation = Operation(rawValue: code) else {
                throw .invalidValue(field: "update operation", value: UInt64(code))
            }
            updates.append(TupleUpdate(operation, try RelationTuple(reading: &reader)))
        }
        return updates
    }
}
