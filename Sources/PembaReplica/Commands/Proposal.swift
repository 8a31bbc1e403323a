// Pemba: the payload of a command entry.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaService

/// A command as it stands in the log, with whom to answer.
///
/// Layout, little-endian: version u8 = 1, origin node u64, origin's request u64, kind u8, then by kind:
/// 1 (open a session) nothing; 2 (write), 4 (delete), 5 (set) and 6 (import) as `encode` of the request has it; 3 (write
/// the schema) its source as a string; 7 (advance the time) nothing.
package struct Proposal: Sendable, Equatable {
    /// The node whose client asked, and which answers when it applies the entry.
    package var origin: NodeID
    /// The origin's number for it, unique across restarts: the high half is random for each start.
    package var request: UInt64
    /// What to do.
    package var command: ClientCommand

    package init(origin: NodeID, request: UInt64, command: ClientCommand) {
        self.origin = origin
        self.request = request
        self.command = command
    }

    private static let version: UInt8 = 1
    /// Bytes before the kind: the version, the origin and its number.
    private static let headBytes = 1 + 2 * MemoryLayout<UInt64>.size

    private enum Kind: UInt8 {
        case openSession = 1
        case write = 2
        case writeSchema = 3
        case delete = 4
        case set = 5
        case importTuples = 6
        case advanceTime = 7
        case audit = 8
    }

    /// The payload.
    ///
    /// The command's shape must have been checked: otherwise no node could read it back.
    package func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.integer(Proposal.version)
        writer.integer(origin.rawValue)
        writer.integer(request)
        switch command {
        case .openSession:
            writer.integer(Kind.openSession.rawValue)
        case .write(let write):
            writer.integer(Kind.write.rawValue)
            write.encode(into: &writer)
        case .writeSchema(let source):
            writer.integer(Kind.writeSchema.rawValue)
            writer.string(source)
        case .delete(let delete):
            writer.integer(Kind.delete.rawValue)
            delete.encode(into: &writer)
        case .set(let set):
            writer.integer(Kind.set.rawValue)
            set.encode(into: &writer)
        case .importTuples(let tuples):
            writer.integer(Kind.importTuples.rawValue)
            tuples.encode(into: &writer)
        case .advanceTime:
            writer.integer(Kind.advanceTime.rawValue)
        case .audit(let statement):
            writer.integer(Kind.audit.rawValue)
            writer.integer(statement.index.rawValue)
            writer.integer(statement.hash)
        }
        return writer.bytes
    }

    /// Reads a payload; throws for unknown versions and kinds and for everything beyond a limit.
    package init(decoding payload: [UInt8]) throws(ByteError) {
        self = try payload.withUnsafeBufferPointer { bytes throws(ByteError) in
            var reader = ByteReader(UnsafeRawBufferPointer(bytes))
            let proposal = try Proposal(reading: &reader)
            try reader.expectEnd()
            return proposal
        }
    }

    /// The filters of the preconditions in a payload, and that of a deletion, without reading the rest of it; none if it
    /// cannot be read.
    static func filters(of payload: [UInt8]) -> (preconditions: [RelationshipFilter], deletion: RelationshipFilter?) {
        let filters: (preconditions: [RelationshipFilter], deletion: RelationshipFilter?)?
        filters = try? payload.withUnsafeBufferPointer { bytes throws(ByteError) in
            var reader = ByteReader(UnsafeRawBufferPointer(bytes))
            _ = try reader.take(Proposal.headBytes)
            switch Kind(rawValue: try reader.integer()) {
            case .write, .set:
                try CommandHead.skip(&reader)
                return (try Precondition.list(&reader).map(\.filter), nil)
            case .delete:
                let request = try DeleteRequest(reading: &reader)
                return (request.preconditions.map(\.filter), request.filter)
            case .openSession, .writeSchema, .importTuples, .advanceTime, .audit, nil: return ([], nil)
            }
        }
        return filters ?? ([], nil)
    }

    /// A payload with another request number.
    static func renumbered(_ payload: [UInt8], request: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes = payload
        writer.overwrite(request, at: 1 + MemoryLayout<UInt64>.size)
        return writer.bytes
    }

    private init(reading reader: inout ByteReader) throws(ByteError) {
        let version: UInt8 = try reader.integer()
        guard version == Proposal.version else {
            throw .invalidValue(field: "proposal version", value: UInt64(version))
        }
        let node: UInt64 = try reader.integer()
        guard node != 0 else { throw .invalidValue(field: "proposal origin", value: node) }
        origin = NodeID(node)
        request = try reader.integer()
        let code: UInt8 = try reader.integer()
        switch Kind(rawValue: code) {
        case .openSession: command = .openSession
        case .write: command = .write(try WriteRequest(reading: &reader))
        case .writeSchema: command = .writeSchema(source: try reader.string(limit: Limits.schemaBytes))
        case .delete: command = .delete(try DeleteRequest(reading: &reader))
        case .set: command = .set(try SetRequest(reading: &reader))
        case .importTuples: command = .importTuples(try ImportRequest(reading: &reader))
        case .advanceTime: command = .advanceTime
        case .audit:
            let index = LogIndex(try reader.integer())
            command = .audit(AuditStatement(index: index, hash: try reader.integer()))
        case nil: throw .invalidValue(field: "command kind", value: UInt64(code))
        }
    }
}
