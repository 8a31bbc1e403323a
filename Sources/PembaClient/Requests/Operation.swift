// Pemba: what a request asks for.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// What a request asks for.
///
/// A nil consistency means: at least as fresh as this client's newest write.
enum Operation: Sendable {
    case check(CheckItem, Consistency?)
    case bulkCheck([CheckItem], Consistency?)
    case read(filter: RelationshipFilter, Consistency?, cursor: ReadCursor?, limit: Int)
    case readSchema(Consistency?)
    case openSession
    /// `exactlyOnce`: give it a key of the client's session if it has none.
    case write(WriteRequest, exactlyOnce: Bool)
    case writeSchema(String)
    case status

    var type: FrameType {
        switch self {
        case .check: .check
        case .bulkCheck: .bulkCheck
        case .read: .read
        case .readSchema: .readSchema
        case .openSession: .openSession
        case .write: .write
        case .writeSchema: .writeSchema
        case .status: .status
        }
    }

    /// Whether doing it twice, or without anybody knowing, can be told from doing it once.
    var changesState: Bool {
        switch self {
        case .write, .writeSchema: true
        case .check, .bulkCheck, .read, .readSchema, .openSession, .status: false
        }
    }

    /// Whether it goes to the leader if that is known.
    var prefersLeader: Bool {
        switch self {
        case .write, .writeSchema, .openSession: true
        case .check, .bulkCheck, .read, .readSchema, .status: false
        }
    }

    /// Appends the payload of the request.
    func encode(
        deadlineMilliseconds: UInt32,
        key: IdempotencyKey?,
        newestWrite: Zookie?,
        into output: inout ByteWriter
    ) {
        func resolved(_ consistency: Consistency?) -> Consistency {
            consistency ?? newestWrite.map { .atLeastAsFresh($0) } ?? .minimizeLatency
        }
        switch self {
        case .check(let item, let consistency):
            item.encode(
                consistency: resolved(consistency),
                deadlineMilliseconds: deadlineMilliseconds,
                into: &output
            )
        case .bulkCheck(let items, let consistency):
            BulkCheckRequest.encode(
                items,
                consistency: resolved(consistency),
                deadlineMilliseconds: deadlineMilliseconds,
                into: &output
            )
        case .read(let filter, let consistency, let cursor, let limit):
            ReadRequest(consistency: resolved(consistency), filter: filter, cursor: cursor, limit: limit)
                .encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .readSchema(let consistency):
            ReadSchemaRequest(consistency: resolved(consistency))
                .encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .openSession, .status:
            PlainRequest().encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .write(var request, _):
            request.idempotencyKey = key
            request.encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .writeSchema(let source):
            WriteSchemaRequest(source: source).encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        }
    }

    /// Reads the answer; nil if a frame of that type does not answer this.
    func decode(_ type: FrameType, _ payload: UnsafeRawBufferPointer) throws(ByteError) -> Answer? {
        guard type == self.type.answer else { return nil }
        switch self {
        case .check: return .check(try CheckAnswer(decoding: payload))
        case .bulkCheck(let items, _):
            let answer = try BulkCheckAnswer(decoding: payload)
            return answer.results.count == items.count ? .bulkCheck(answer) : nil
        case .read: return .page(try ReadAnswer(decoding: payload))
        case .readSchema: return .schema(try SchemaAnswer(decoding: payload))
        case .openSession: return .session(try OpenSessionAnswer(decoding: payload).session)
        case .write, .writeSchema:
            let answer = try WriteAnswer(decoding: payload)
            return .written(answer.zookie, leader: answer.leader)
        case .status: return .status(try NodeStatus(decoding: payload))
        }
    }
}
