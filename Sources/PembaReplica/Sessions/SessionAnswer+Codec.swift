// Pemba: kept answers as bytes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

extension SessionAnswer {
    /// What a kept answer says.
    private enum Tag: UInt8 {
        case written = 0
        case refused = 1
        case deleted = 2
        case set = 3
        case imported = 4
    }

    /// Appends the sequence as a varint, a tag u8, and what belongs to the tag.
    ///
    /// 0 (written): revision, created, touched, deleted; 1 (refused): code u16, message, details; 2 (deleted): revision,
    /// count, whether there may be more u8, and if so after which tuple; 3 (set): revision, created, touched, deleted,
    /// changes; 4 (imported): revision, created, existing. Numbers are varints, changes as in a write.
    func encode(into writer: inout ByteWriter) {
        writer.varint(sequence)
        switch result {
        case .success(let outcome): SessionAnswer.encode(outcome, into: &writer)
        case .failure(let error):
            writer.integer(Tag.refused.rawValue)
            writer.integer(error.code.rawValue)
            writer.string(error.message)
            writer.count(error.details.count)
            for detail in error.details {
                writer.string(detail.name)
                writer.string(detail.value)
            }
        }
    }

    private static func encode(_ outcome: CommandOutcome, into writer: inout ByteWriter) {
        switch outcome {
        case .written(let revision, let counts):
            writer.integer(Tag.written.rawValue)
            writer.varint(revision.rawValue)
            encode(counts, into: &writer)
        case .deleted(let revision, let count, let next):
            writer.integer(Tag.deleted.rawValue)
            writer.varint(revision.rawValue)
            writer.varint(count)
            writer.boolean(next != nil)
            next?.encode(into: &writer)
        case .set(let revision, let counts, let changes):
            writer.integer(Tag.set.rawValue)
            writer.varint(revision.rawValue)
            encode(counts, into: &writer)
            TupleUpdate.encode(changes, into: &writer)
        case .imported(let revision, let created, let existing):
            writer.integer(Tag.imported.rawValue)
            writer.varint(revision.rawValue)
            writer.varint(created)
            writer.varint(existing)
        case .sessionOpened, .schemaWritten: preconditionFailure("an answer that no key asks for again is kept")
        }
    }

    private static func encode(_ counts: WriteCounts, into writer: inout ByteWriter) {
        writer.varint(counts.created)
        writer.varint(counts.touched)
        writer.varint(counts.deleted)
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let sequence = try reader.varint()
        let tag: UInt8 = try reader.integer()
        switch Tag(rawValue: tag) {
        case .written:
            let revision = Revision(try reader.varint())
            self.init(sequence: sequence, result: .success(.written(revision, try SessionAnswer.counts(&reader))))
        case .refused:
            self.init(sequence: sequence, result: .failure(try SessionAnswer.error(&reader)))
        case .deleted:
            let revision = Revision(try reader.varint())
            let count = try reader.varint()
            let isMore = try reader.boolean(field: "more to delete")
            let next = isMore ? try RelationTuple(reading: &reader) : nil
            self.init(sequence: sequence, result: .success(.deleted(revision, count: count, next: next)))
        case .set:
            self.init(sequence: sequence, result: .success(try SessionAnswer.set(&reader)))
        case .imported:
            let revision = Revision(try reader.varint())
            let created = try reader.varint()
            let existing = try reader.varint()
            self.init(
                sequence: sequence,
                result: .success(.imported(revision, created: created, existing: existing))
            )
        case nil: throw .invalidValue(field: "session answer", value: UInt64(tag))
        }
    }

    private static func set(_ reader: inout ByteReader) throws(ByteError) -> CommandOutcome {
        let revision = Revision(try reader.varint())
        let counts = try counts(&reader)
        return .set(revision, counts, changes: try TupleUpdate.list(&reader, limit: changesMax))
    }

    private static func counts(_ reader: inout ByteReader) throws(ByteError) -> WriteCounts {
        let created = try reader.varint()
        let touched = try reader.varint()
        return WriteCounts(created: created, touched: touched, deleted: try reader.varint())
    }

    private static func error(_ reader: inout ByteReader) throws(ByteError) -> ServiceError {
        let number: UInt16 = try reader.integer()
        guard let code = ErrorCode(rawValue: number) else {
            throw .invalidValue(field: "error code", value: UInt64(number))
        }
        let message = try reader.string(limit: textBytes)
        var details: [ServiceError.Detail] = []
        for _ in 0..<(try reader.count(limit: detailCount)) {
            let name = try reader.string(limit: textBytes)
            details.append(ServiceError.Detail(name, try reader.string(limit: textBytes)))
        }
        return ServiceError(code, message, details: details)
    }
}
