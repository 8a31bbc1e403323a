// Pemba: what a request asks for.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// What a request asks for.
///
/// A nil consistency means: at least as fresh as this client's newest write.
enum Operation: Sendable {
    case check(CheckItem, Consistency?, CheckOptions)
    case bulkCheck([CheckItem], Consistency?, CheckOptions)
    case read(filter: RelationshipFilter, Consistency?, cursor: ReadCursor?, limit: Int)
    case readSchema(Consistency?)
    case permissions(PermissionsRequest, Consistency?)
    case expand(ExpandRequest, Consistency?)
    case explain(ExplainRequest, Consistency?)
    case stream(any FrameStream)
    case openSession
    /// `exactlyOnce`: give it a key of the client's session if it has none.
    case write(WriteRequest, exactlyOnce: Bool)
    case delete(DeleteRequest, exactlyOnce: Bool)
    case set(SetRequest, exactlyOnce: Bool)
    case importTuples(ImportRequest, exactlyOnce: Bool)
    case writeSchema(String)
    case status
    case membership(MembershipMessage)

    var type: FrameType {
        switch self {
        case .check: .check
        case .bulkCheck: .bulkCheck
        case .read: .read
        case .readSchema: .readSchema
        case .permissions: .permissions
        case .expand: .expand
        case .explain: .explain
        case .stream(let stream): stream.type
        case .openSession: .openSession
        case .write: .write
        case .delete: .delete
        case .set: .set
        case .importTuples: .import
        case .writeSchema: .writeSchema
        case .status: .status
        case .membership: .membership
        }
    }

    /// Whether doing it twice, or without anybody knowing, can be told from doing it once.
    var changesState: Bool {
        switch self {
        case .write, .delete, .set, .importTuples, .writeSchema: true
        case .membership(let message): message.change != nil
        case .check, .bulkCheck, .read, .readSchema, .permissions, .expand, .explain, .stream, .openSession, .status:
            false
        }
    }

    /// Whether it goes to the leader if that is known.
    var prefersLeader: Bool {
        switch self {
        case .openSession, .membership: true
        default: changesState
        }
    }

    /// The key that the caller gave to a write.
    var givenKey: IdempotencyKey? {
        switch self {
        case .write(let request, _): request.idempotencyKey
        case .delete(let request, _): request.idempotencyKey
        case .set(let request, _): request.idempotencyKey
        case .importTuples(let request, _): request.idempotencyKey
        default: nil
        }
    }

    /// Whether it is a write that is to be done once and has no key of its caller's.
    var needsKey: Bool {
        switch self {
        case .write(_, let exactlyOnce), .delete(_, let exactlyOnce), .set(_, let exactlyOnce),
            .importTuples(_, let exactlyOnce):
            exactlyOnce && givenKey == nil
        default: false
        }
    }

    /// Appends the payload of the request.
    func encode(
        deadlineMilliseconds: UInt32,
        key: IdempotencyKey?,
        newestWrite: Zookie?,
        into output: inout ByteWriter
    ) {
        switch self {
        case .openSession, .status:
            PlainRequest().encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .membership(let message): message.encode(deadlineMilliseconds: deadlineMilliseconds, into: &output)
        case .stream(let stream):
            stream.encode(deadlineMilliseconds: deadlineMilliseconds, newestWrite: newestWrite, into: &output)
        case .write, .delete, .set, .importTuples, .writeSchema:
            encodeWrite(deadlineMilliseconds, key, into: &output)
        default: encodeRead(deadlineMilliseconds, newestWrite, into: &output)
        }
    }

    private func encodeRead(_ deadline: UInt32, _ newestWrite: Zookie?, into output: inout ByteWriter) {
        func resolved(_ consistency: Consistency?) -> Consistency {
            consistency ?? newestWrite.map { .atLeastAsFresh($0) } ?? .minimizeLatency
        }
        switch self {
        case .check(let item, let consistency, let options):
            item.encode(
                consistency: resolved(consistency),
                contextualTuples: options.contextualTuples,
                maxDepth: options.maxDepth,
                deadlineMilliseconds: deadline,
                into: &output
            )
        case .bulkCheck(let items, let consistency, let options):
            BulkCheckRequest.encode(
                items,
                consistency: resolved(consistency),
                contextualTuples: options.contextualTuples,
                maxDepth: options.maxDepth,
                deadlineMilliseconds: deadline,
                into: &output
            )
        case .read(let filter, let consistency, let cursor, let limit):
            ReadRequest(consistency: resolved(consistency), filter: filter, cursor: cursor, limit: limit)
                .encode(deadlineMilliseconds: deadline, into: &output)
        case .readSchema(let consistency):
            ReadSchemaRequest(consistency: resolved(consistency)).encode(deadlineMilliseconds: deadline, into: &output)
        case .permissions(var request, let consistency):
            request.consistency = resolved(consistency)
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .expand(var request, let consistency):
            request.consistency = resolved(consistency)
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .explain(var request, let consistency):
            request.consistency = resolved(consistency)
            request.encode(deadlineMilliseconds: deadline, into: &output)
        default: preconditionFailure("a read of type \(type) was encoded as another request")
        }
    }

    private func encodeWrite(_ deadline: UInt32, _ key: IdempotencyKey?, into output: inout ByteWriter) {
        switch self {
        case .write(var request, _):
            request.idempotencyKey = key
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .delete(var request, _):
            request.idempotencyKey = key
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .set(var request, _):
            request.idempotencyKey = key
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .importTuples(var request, _):
            request.idempotencyKey = key
            request.encode(deadlineMilliseconds: deadline, into: &output)
        case .writeSchema(let source):
            WriteSchemaRequest(source: source).encode(deadlineMilliseconds: deadline, into: &output)
        default: preconditionFailure("a write of type \(type) was encoded as another request")
        }
    }

    /// Reads the answer; nil if a frame of that type does not answer this.
    func decode(_ type: FrameType, _ payload: UnsafeRawBufferPointer) throws(ByteError) -> Answer? {
        guard type == self.type.answer else { return nil }
        switch self {
        case .check: return .check(try CheckAnswer(decoding: payload))
        case .bulkCheck(let items, _, _):
            let answer = try BulkCheckAnswer(decoding: payload)
            return answer.results.count == items.count ? .bulkCheck(answer) : nil
        case .read: return .page(try ReadAnswer(decoding: payload))
        case .readSchema: return .schema(try SchemaAnswer(decoding: payload))
        case .permissions: return .permissions(try PermissionsAnswer(decoding: payload))
        case .expand: return .expanded(try ExpandAnswer(decoding: payload))
        case .explain: return .explained(try ExplainAnswer(decoding: payload))
        case .stream: return nil
        case .openSession: return .session(try OpenSessionAnswer(decoding: payload).session)
        case .write:
            let decoded = try WriteAnswer.decode(payload)
            return .written(decoded.answer, leader: decoded.leader)
        case .writeSchema:
            let answer = try WriteSchemaAnswer(decoding: payload)
            return .schemaWritten(answer.zookie, leader: answer.leader)
        case .delete:
            let decoded = try DeleteAnswer.decode(payload)
            return .deleted(decoded.answer, leader: decoded.leader)
        case .set:
            let decoded = try SetAnswer.decode(payload)
            return .set(decoded.answer, leader: decoded.leader)
        case .importTuples:
            let decoded = try ImportAnswer.decode(payload)
            return .imported(decoded.answer, leader: decoded.leader)
        case .status: return .status(try NodeStatus(decoding: payload))
        case .membership: return .membership(try MembershipAnswer(decoding: payload))
        }
    }
}

/// What a check takes into account beside its question.
struct CheckOptions: Sendable {
    /// Tuples that count as if they were stored.
    var contextualTuples: [RelationTuple] = []
    /// How many levels the evaluation may go down; nil for as many as it needs.
    var maxDepth: UInt32?

    /// Nothing.
    static let plain = CheckOptions()
}
