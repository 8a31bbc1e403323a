// Pemba: one record of the vote file.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaRaft

/// What the vote file says: whose folder it is, and what the node promised (rule W1).
package struct SuperRecord: Sendable, Hashable {
    /// Rises with every write; the record with the highest one counts.
    package var generation: UInt64
    /// Whose folder it is.
    package var identity: StoreIdentity
    /// The term and vote.
    package var hardState: HardState

    package init(generation: UInt64, identity: StoreIdentity, hardState: HardState) {
        self.generation = generation
        self.identity = identity
        self.hardState = hardState
    }

    /// Bytes of an encoded record: one sector, which disks write as a whole.
    package static let bytes = 512
    /// The newest version that this program knows.
    ///
    /// A record is written in the oldest version that can say what it says: 1 without a debt, 2 with one, 3 of a node that
    /// does not vote yet. So a program that does not know one of these takes up no folder that has it.
    package static let version: UInt16 = 3
    private static let magic: UInt32 = 0x5055_5350  // "PSUP"
    /// Zeros before the checksum: the room for tombstones of removed members.
    private static let reservedBytes = bytes - 88 - 4

    /// The record as one sector that ends with its checksum.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: SuperRecord.bytes)
        writer.integer(SuperRecord.magic)
        writer.integer(neededVersion)
        writer.integer(UInt16(0))
        writer.integer(generation)
        identity.encode(into: &writer)
        writer.integer(UInt32(0))
        writer.integer(hardState.term.rawValue)
        writer.integer(hardState.vote?.rawValue ?? 0)
        writer.integer(UInt64(hardState.debt?.kind.rawValue ?? 0))
        writer.integer(hardState.debt?.term.rawValue ?? 0)
        writer.integer(hardState.votesFrom.rawValue)
        writer.raw(repeatElement(0, count: SuperRecord.reservedBytes))
        writer.integer(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    private var neededVersion: UInt16 {
        if hardState.votesFrom > .zero { return SuperRecord.version }
        return hardState.debt == nil ? 1 : 2
    }

    /// What a place that should hold a record holds.
    package enum Reading: Hashable, Sendable {
        /// A record.
        case record(SuperRecord)
        /// Zeros: never written, or lost in a crash.
        case blank
        /// A record of a version that this program does not know.
        case unknownVersion(UInt16)
        /// Anything else, which no crash leaves.
        case damaged
    }

    /// Reads what is at a record's place.
    package static func read(_ sector: UnsafeRawBufferPointer) -> Reading {
        guard sector.count == bytes else { return .damaged }
        if sector.allSatisfy({ $0 == 0 }) { return .blank }
        do throws(ByteError) {
            var tail = ByteReader(UnsafeRawBufferPointer(rebasing: sector[(bytes - 4)...]))
            let checksum: UInt32 = try tail.integer()
            guard checksum == CRC32C.checksum(UnsafeRawBufferPointer(rebasing: sector[..<(bytes - 4)])) else {
                return .damaged
            }
            var reader = ByteReader(sector)
            guard try reader.integer(UInt32.self) == magic else { return .damaged }
            let version: UInt16 = try reader.integer()
            guard (1...SuperRecord.version).contains(version) else { return .unknownVersion(version) }
            _ = try reader.integer(UInt16.self)
            let generation: UInt64 = try reader.integer()
            let identity = try StoreIdentity(decoding: &reader)
            _ = try reader.integer(UInt32.self)
            let term: UInt64 = try reader.integer()
            let vote: UInt64 = try reader.integer()
            let owed: UInt64 = try reader.integer()
            let debtTerm: UInt64 = try reader.integer()
            let votesFrom: UInt64 = try reader.integer()
            var debt: LogDebt?
            if version == 2 || (version > 2 && owed != 0) {
                guard let kind = UInt8(exactly: owed).flatMap(LogDebt.Kind.init) else { return .damaged }
                debt = LogDebt(kind: kind, term: Term(debtTerm))
            }
            return .record(
                SuperRecord(
                    generation: generation,
                    identity: identity,
                    hardState: HardState(
                        term: Term(term),
                        vote: vote == 0 ? nil : NodeID(vote),
                        debt: debt,
                        votesFrom: version > 2 ? LogIndex(votesFrom) : .zero
                    )
                )
            )
        } catch {
            return .damaged
        }
    }
}
