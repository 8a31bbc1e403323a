// Pemba: the state as a stream of blocks.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft

/// The raw blocks of a snapshot, each beginning with its kind and at most `Limits.snapshotBlockBytes` long.
///
/// How many bytes a block is to have is the writer's choice: nothing but the order of what is in them matters to readers.
/// In this order: one header (version u8 = 2; index, term u64; timestamp i64; configuration; bytes of schema u32; sessions
/// and answers u64; tuples u64; hash of the tuples two u64; hash of the state u64), the schema's source in pieces,
/// sessions (a byte 0 and a session, or 1 and an answer of the session before), tuples as the graph writes them.
enum SnapshotBlock: UInt8 {
    case header = 1
    case schema = 2
    case sessions = 3
    case tuples = 4

    /// The version of the blocks.
    static let version: UInt8 = 2
    /// Marks a session in a block of sessions.
    static let sessionMark: UInt8 = 0
    /// Marks an answer in a block of sessions.
    static let answerMark: UInt8 = 1
}

/// What a snapshot says of itself first.
struct SnapshotContents: Equatable {
    var point: RaftSnapshotPoint
    var schemaBytes: Int
    var sessionCount: Int
    var answerCount: Int
    var tupleCount: Int
    var tupleHash: ContentHash
    var stateHash: UInt64

    /// The header block.
    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 160)
        writer.integer(SnapshotBlock.header.rawValue)
        writer.integer(SnapshotBlock.version)
        writer.integer(point.index.rawValue)
        writer.integer(point.term.rawValue)
        writer.integer(point.timestamp.nanoseconds)
        point.configuration.encode(into: &writer)
        writer.integer(UInt32(schemaBytes))
        writer.integer(UInt64(sessionCount))
        writer.integer(UInt64(answerCount))
        writer.integer(UInt64(tupleCount))
        writer.integer(tupleHash.low)
        writer.integer(tupleHash.high)
        writer.integer(stateHash)
        return writer.bytes
    }
}

extension SnapshotContents {
    /// Reads the header block after its kind.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let version: UInt8 = try reader.integer()
        guard version == SnapshotBlock.version else {
            throw .invalidValue(field: "snapshot version", value: UInt64(version))
        }
        let index = LogIndex(try reader.integer())
        let term = Term(try reader.integer())
        let timestamp = Timestamp(nanoseconds: try reader.integer())
        let configuration = try RaftConfiguration(decoding: &reader)
        point = RaftSnapshotPoint(index: index, term: term, timestamp: timestamp, configuration: configuration)
        let schemaBytes: UInt32 = try reader.integer()
        guard schemaBytes <= Limits.schemaBytes else {
            throw .exceedsLimit(value: UInt64(schemaBytes), limit: UInt64(Limits.schemaBytes))
        }
        self.schemaBytes = Int(schemaBytes)
        sessionCount = try SnapshotContents.count(&reader)
        answerCount = try SnapshotContents.count(&reader)
        tupleCount = try SnapshotContents.count(&reader)
        let low: UInt64 = try reader.integer()
        tupleHash = ContentHash(low: low, high: try reader.integer())
        stateHash = try reader.integer()
        try reader.expectEnd()
    }

    private static func count(_ reader: inout ByteReader) throws(ByteError) -> Int {
        let value: UInt64 = try reader.integer()
        guard let count = Int(exactly: value) else { throw .exceedsLimit(value: value, limit: UInt64(Int.max)) }
        return count
    }
}

/// A snapshot that is being written: the parts of the state that were copied when it began, and where it stands.
///
/// The graph keeps its own cut, since it is too large to copy.
struct SnapshotStream {
    /// What the stream gives next.
    private enum Stage {
        case header
        case schema(from: Int)
        /// The session at `from`, of which `answer` answers have been given; -1: nor has the session itself.
        case sessions(from: Int, answer: Int)
        case tuples
        case finished
    }

    private let contents: SnapshotContents
    private let schema: [UInt8]
    private let sessions: [SessionTable.Session]
    /// Bytes that end a block.
    private let blockBytes: Int
    private var stage: Stage = .header

    init(contents: SnapshotContents, schema: [UInt8], sessions: [SessionTable.Session], blockBytes: Int) {
        precondition((2...Limits.snapshotBlockBytes).contains(blockBytes), "no block has \(blockBytes) bytes")
        self.blockBytes = blockBytes
        self.contents = contents
        self.schema = schema
        self.sessions = sessions
    }

    /// The next block; nil after the last.
    mutating func next(from graph: Graph) -> [UInt8]? {
        switch stage {
        case .header:
            stage = schema.isEmpty ? .sessions(from: 0, answer: -1) : .schema(from: 0)
            return contents.encode()
        case .schema(let start):
            let end = min(start + blockBytes - 1, schema.count)
            stage = end == schema.count ? .sessions(from: 0, answer: -1) : .schema(from: end)
            return [SnapshotBlock.schema.rawValue] + schema[start..<end]
        case .sessions(let place, let answer):
            guard place < sessions.count else {
                stage = .tuples
                return next(from: graph)
            }
            return sessionBlock(from: place, answer: answer)
        case .tuples:
            let next = graph.nextSnapshotBlock(maxBytes: Limits.snapshotBlockBytes - 1, target: blockBytes - 1)
            guard let block = next else {
                stage = .finished
                return nil
            }
            return [SnapshotBlock.tuples.rawValue] + block
        case .finished:
            return nil
        }
    }

    /// A block of sessions from the one at `start` on, and of answers from `firstAnswer` on.
    private mutating func sessionBlock(from start: Int, answer firstAnswer: Int) -> [UInt8] {
        /// No session and no answer is longer: room for it must be left in a block.
        let itemBytesMax = 64 << 10
        let full = max(min(blockBytes, Limits.snapshotBlockBytes - itemBytesMax), 2)
        var writer = ByteWriter(capacity: blockBytes)
        writer.integer(SnapshotBlock.sessions.rawValue)
        var (place, answer) = (start, firstAnswer)
        while place < sessions.count, writer.bytes.count < full {
            let session = sessions[place]
            if answer < 0 {
                writer.integer(SnapshotBlock.sessionMark)
                session.encode(into: &writer)
                answer = 0
            }
            let answers = session.answers
            while answer < answers.count, writer.bytes.count < full {
                writer.integer(SnapshotBlock.answerMark)
                answers[answer].encode(into: &writer)
                answer += 1
            }
            guard answer == answers.count else { break }
            place += 1
            answer = -1
        }
        stage = .sessions(from: place, answer: answer)
        return writer.bytes
    }
}

extension SessionTable.Session {
    /// Appends everything but the answers.
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.varint(id)
        writer.varint(lastUsed.rawValue)
        writer.integer(usedAt.nanoseconds)
        writer.varint(firstUnacknowledged)
    }

    /// Reads a session without answers.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let id = try reader.varint()
        let lastUsed = LogIndex(try reader.varint())
        let usedAt = Timestamp(nanoseconds: try reader.integer())
        self.init(id: id, lastUsed: lastUsed, usedAt: usedAt, firstUnacknowledged: try reader.varint())
    }
}
