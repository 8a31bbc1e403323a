// Pemba: every decoder behind one door, for tests that do not care which.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService
import PembaWire

enum AnyDecoder {
    /// Decodes a payload of any type and encodes what came out; nil for types whose bytes are not the only ones with
    /// their meaning (later fields are ignored, or the number of an error decides over its flags).
    ///
    /// JSON can be written in many ways. So of a payload that encodes to other bytes, those must stay the same when they
    /// are decoded and encoded again; then the payload itself is the result.
    static func reencode(_ type: FrameType, _ payload: [UInt8]) throws -> [UInt8]? {
        guard let once = try reencodeOnce(type, payload) else { return nil }
        guard once != payload, payload.contains(UInt8(ascii: "{")) else { return once }
        return try reencodeOnce(type, once) == once ? payload : once
    }

    private static func reencodeOnce(_ type: FrameType, _ payload: [UInt8]) throws -> [UInt8]? {
        try payload.withUnsafeBytes { raw in
            var output = ByteWriter()
            switch type {
            case .hello, .helloAnswer, .error, .bulkCheckAnswer, .readAnswer, .lookupResourcesAnswer,
                .lookupSubjectsAnswer:
                try decodeOnly(type, raw)
                return nil
            case .peer:
                let message = try PeerMessage(decoding: raw)
                if case .proposalRefused = message { return nil }
                message.encode(into: &output)
            case .ping, .pong: try Ping(decoding: raw).encode(into: &output)
            case .goAway: try GoAway(decoding: raw).encode(into: &output)
            case .streamCredit: try StreamCredit(decoding: raw).encode(into: &output)
            case .cancel: try Cancel(decoding: raw).encode(into: &output)
            case .check: try reencodeCheck(raw, into: &output)
            case .bulkCheck: try reencodeBulk(raw, into: &output)
            case .foundResources: try reencodePart(FoundResource.self, raw, into: &output)
            case .foundSubjects: try reencodePart(FoundSubjectPiece.self, raw, into: &output)
            case .exportedTuples: try reencodePart(RelationTuple.self, raw, into: &output)
            case .watchEvents: try reencodePart(WatchEvent.self, raw, into: &output)
            case .checkAnswer, .readSchemaAnswer, .permissionsAnswer, .expandAnswer, .explainAnswer, .watchAnswer,
                .exportAnswer, .openSessionAnswer, .writeAnswer, .writeSchemaAnswer, .deleteAnswer, .setAnswer,
                .importAnswer, .statusAnswer, .membershipAnswer:
                try reencodeAnswer(type, raw, into: &output)
            case .lookupResources, .lookupSubjects, .watch, .export:
                try reencodeStreamed(type, raw, into: &output)
            case .read, .readSchema, .permissions, .expand, .explain, .openSession, .status, .write, .writeSchema,
                .delete, .set, .import, .membership:
                try reencodeRequest(type, raw, into: &output)
            }
            return output.bytes
        }
    }

    private static func decodeOnly(_ type: FrameType, _ raw: UnsafeRawBufferPointer) throws {
        switch type {
        case .hello: _ = try Hello(decoding: raw)
        case .helloAnswer: _ = try HelloAnswer(decoding: raw)
        case .error: _ = try ErrorFrame(decoding: raw).serviceError
        case .bulkCheckAnswer: _ = try BulkCheckAnswer(decoding: raw)
        // The query is not in the answer, so the cursor's binding cannot be made again.
        case .readAnswer: _ = try ReadAnswer(decoding: raw)
        default: _ = try LookupEnd(decoding: raw)
        }
    }

    private static func reencodeRequest(
        _ type: FrameType,
        _ raw: UnsafeRawBufferPointer,
        into output: inout ByteWriter
    ) throws {
        func again<Request>(_ timed: Timed<Request>, _ encode: (Request) -> (UInt32, inout ByteWriter) -> Void) {
            encode(timed.request)(timed.deadlineMilliseconds, &output)
        }
        switch type {
        case .read: again(try ReadRequest.decode(raw), ReadRequest.encode)
        case .readSchema: again(try ReadSchemaRequest.decode(raw), ReadSchemaRequest.encode)
        case .permissions: again(try PermissionsRequest.decode(raw), PermissionsRequest.encode)
        case .expand: again(try ExpandRequest.decode(raw), ExpandRequest.encode)
        case .explain: again(try ExplainRequest.decode(raw), ExplainRequest.encode)
        case .write: again(try WriteRequest.decode(raw), WriteRequest.encode)
        case .writeSchema: again(try WriteSchemaRequest.decode(raw), WriteSchemaRequest.encode)
        case .delete: again(try DeleteRequest.decode(raw), DeleteRequest.encode)
        case .set: again(try SetRequest.decode(raw), SetRequest.encode)
        case .import: again(try ImportRequest.decode(raw), ImportRequest.encode)
        case .membership: again(try MembershipMessage.decode(raw), MembershipMessage.encode)
        default: again(try PlainRequest.decode(raw), PlainRequest.encode)
        }
    }

    private static func reencodeStreamed(
        _ type: FrameType,
        _ raw: UnsafeRawBufferPointer,
        into output: inout ByteWriter
    ) throws {
        func again<Request>(
            _ streamed: Streamed<Request>,
            _ encode: (Request) -> (UInt32, UInt16, inout ByteWriter) -> Void
        ) {
            encode(streamed.request)(streamed.deadlineMilliseconds, streamed.window, &output)
        }
        switch type {
        case .lookupResources: again(try LookupResourcesRequest.decode(raw), LookupResourcesRequest.encode)
        case .lookupSubjects: again(try LookupSubjectsRequest.decode(raw), LookupSubjectsRequest.encode)
        case .watch: again(try WatchRequest.decode(raw), WatchRequest.encode)
        default: again(try ExportRequest.decode(raw), ExportRequest.encode)
        }
    }

    private static func reencodeAnswer(
        _ type: FrameType,
        _ raw: UnsafeRawBufferPointer,
        into output: inout ByteWriter
    ) throws {
        switch type {
        case .checkAnswer: try CheckAnswer(decoding: raw).encode(into: &output)
        case .readSchemaAnswer: try SchemaAnswer(decoding: raw).encode(into: &output)
        case .permissionsAnswer: try PermissionsAnswer(decoding: raw).encode(into: &output)
        case .expandAnswer: try ExpandAnswer(decoding: raw).encode(into: &output)
        case .explainAnswer: try ExplainAnswer(decoding: raw).encode(into: &output)
        case .watchAnswer: try WatchEnd(decoding: raw).encode(into: &output)
        case .exportAnswer: try ExportEnd(decoding: raw).encode(into: &output)
        case .openSessionAnswer: try OpenSessionAnswer(decoding: raw).encode(into: &output)
        case .writeAnswer:
            let decoded = try WriteAnswer.decode(raw)
            decoded.answer.encode(leader: decoded.leader, into: &output)
        case .deleteAnswer:
            let decoded = try DeleteAnswer.decode(raw)
            decoded.answer.encode(leader: decoded.leader, into: &output)
        case .setAnswer:
            let decoded = try SetAnswer.decode(raw)
            decoded.answer.encode(leader: decoded.leader, into: &output)
        case .importAnswer:
            let decoded = try ImportAnswer.decode(raw)
            decoded.answer.encode(leader: decoded.leader, into: &output)
        case .statusAnswer: try NodeStatus(decoding: raw).encode(into: &output)
        case .membershipAnswer: try MembershipAnswer(decoding: raw).encode(into: &output)
        default: try WriteSchemaAnswer(decoding: raw).encode(into: &output)
        }
    }

    private static func reencodePart<Item: StreamItem>(
        _: Item.Type,
        _ raw: UnsafeRawBufferPointer,
        into output: inout ByteWriter
    ) throws {
        var frame = ByteWriter()
        let decoded = try StreamPart<Item>.decode(raw)
        var part = StreamPart<Item>(zookie: EncodedZookie(decoded.zookie), correlation: 0, into: &frame)
        for item in decoded.items { _ = part.append(item, into: &frame) }
        _ = part.end(in: &frame)
        output.raw(frame.bytes.dropFirst(FrameHeader.size))
    }

    // MARK: - Views

    private static func reencodeCheck(_ raw: UnsafeRawBufferPointer, into output: inout ByteWriter) throws {
        let view = try CheckRequestView(decoding: raw)
        let tuples = try [RelationTuple](contextualTuples: view.contextualTuples)
        var item = try item(view.check)
        item.context = try ContextObject(requestContext: view.context)
        item.encode(
            consistency: view.consistency,
            contextualTuples: tuples,
            maxDepth: view.maxDepth,
            deadlineMilliseconds: view.deadlineMilliseconds,
            into: &output
        )
    }

    private static func reencodeBulk(_ raw: UnsafeRawBufferPointer, into output: inout ByteWriter) throws {
        var view = try BulkCheckRequestView(decoding: raw)
        let tuples = try [RelationTuple](contextualTuples: view.contextualTuples)
        var items: [CheckItem] = []
        while let (check, context) = try view.next() {
            var item = try item(check)
            item.context = try ContextObject(requestContext: context)
            items.append(item)
        }
        BulkCheckRequest.encode(
            items,
            consistency: view.consistency,
            contextualTuples: tuples,
            maxDepth: view.maxDepth,
            deadlineMilliseconds: view.deadlineMilliseconds,
            into: &output
        )
    }

    /// A node compares the bytes of ids without asking whether they are UTF-8; here they become strings.
    private static func item(_ view: CheckView) throws -> CheckItem {
        func text(_ bytes: UnsafeRawBufferPointer) throws(ByteError) -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
            return text
        }
        let relation = try text(view.subjectRelation)
        return CheckItem(
            resource: ObjectReference(type: try text(view.resourceType), id: try text(view.resourceID)),
            permission: try text(view.permission),
            subject: SubjectReference(
                type: try text(view.subjectType),
                id: try text(view.subjectID),
                relation: relation.isEmpty ? nil : relation
            )
        )
    }
}
