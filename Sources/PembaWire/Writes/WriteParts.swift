// Pemba: what all writes are made of.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaService

extension ByteWriter {
    /// Appends whether there is a key, and the key.
    mutating func key(_ key: IdempotencyKey?) {
        boolean(key != nil)
        guard let key else { return }
        integer(key.session)
        integer(key.sequence)
        integer(key.firstUnacknowledged)
    }

    mutating func updates(_ updates: [TupleUpdate]) {
        count(updates.count)
        for update in updates {
            integer(update.operation.rawValue)
            tuple(update.tuple)
        }
    }

    mutating func preconditions(_ preconditions: [Precondition]) {
        count(preconditions.count)
        for precondition in preconditions {
            integer(precondition.kind.rawValue)
            filter(precondition.filter)
        }
    }

    mutating func counts(_ counts: WriteCounts) {
        integer(counts.created)
        integer(counts.touched)
        integer(counts.deleted)
    }

    mutating func leader(_ leader: NodeID?) { integer(leader?.rawValue ?? 0) }
}

extension ByteReader {
    mutating func key() throws(ByteError) -> IdempotencyKey? {
        guard try boolean(field: "idempotency key present") else { return nil }
        let session: UInt64 = try integer()
        let sequence: UInt64 = try integer()
        return IdempotencyKey(session: session, sequence: sequence, firstUnacknowledged: try integer())
    }

    mutating func updates(limit: Int) throws(ByteError) -> [TupleUpdate] {
        try list(limit: limit) { reader throws(ByteError) in
            let number: UInt8 = try reader.integer()
            guard let operation = TupleUpdate.Operation(rawValue: number) else {
                throw .invalidValue(field: "operation", value: UInt64(number))
            }
            return TupleUpdate(operation, try reader.tuple())
        }
    }

    mutating func preconditions() throws(ByteError) -> [Precondition] {
        try list(limit: Limits.preconditionsPerWrite) { reader throws(ByteError) in
            let number: UInt8 = try reader.integer()
            guard let kind = Precondition.Kind(rawValue: number) else {
                throw .invalidValue(field: "precondition", value: UInt64(number))
            }
            return Precondition(kind, try reader.filter())
        }
    }

    mutating func counts() throws(ByteError) -> WriteCounts {
        let created: UInt64 = try integer()
        let touched: UInt64 = try integer()
        return WriteCounts(created: created, touched: touched, deleted: try integer())
    }

    mutating func metadata() throws(ByteError) -> ContextObject {
        try context(field: "metadata", limit: Limits.metadataBytes)
    }
}

/// An answer to a write, and the leader that the node knows: where the next write saves a hop.
package struct WithLeader<Answer> {
    /// The answer.
    package var answer: Answer
    /// The leader, if the node knows one.
    package var leader: NodeID?

    package init(_ answer: Answer, leader: NodeID?) {
        self.answer = answer
        self.leader = leader
    }

    /// Reads a payload that is what `body` reads and a leader, and nothing else.
    static func decode(
        _ payload: UnsafeRawBufferPointer,
        _ body: (inout ByteReader) throws(ByteError) -> Answer
    ) throws(ByteError) -> WithLeader<Answer> {
        var reader = ByteReader(payload)
        let answer = try body(&reader)
        let leader = try reader.optionalNodeID()
        try reader.expectEnd()
        return WithLeader(answer, leader: leader)
    }
}

extension WithLeader: Equatable where Answer: Equatable {}
extension WithLeader: Sendable where Answer: Sendable {}
