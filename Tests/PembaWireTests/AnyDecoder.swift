// Pemba: every decoder behind one door, for tests that do not care which.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService
import PembaWire

enum AnyDecoder {
    /// Decodes a payload of any type and encodes what came out; nil for types whose bytes are not the only ones with
    /// their meaning (later fields are ignored, or the number of an error decides over its flags).
    static func reencode(_ type: FrameType, _ payload: [UInt8]) throws -> [UInt8]? {
        try payload.withUnsafeBytes { raw in
            var output = ByteWriter()
            switch type {
            case .hello:
                _ = try Hello(decoding: raw)
                return nil
            case .helloAnswer:
                _ = try HelloAnswer(decoding: raw)
                return nil
            case .error:
                _ = try ErrorFrame(decoding: raw).serviceError
                return nil
            case .bulkCheckAnswer:
                _ = try BulkCheckAnswer(decoding: raw)
                return nil
            case .ping, .pong: try Ping(decoding: raw).encode(into: &output)
            case .goAway: try GoAway(decoding: raw).encode(into: &output)
            case .check: try reencodeCheck(raw, into: &output)
            case .bulkCheck: try reencodeBulk(raw, into: &output)
            case .checkAnswer: try CheckAnswer(decoding: raw).encode(into: &output)
            case .read:
                let timed = try ReadRequest.decode(raw)
                timed.request.encode(deadlineMilliseconds: timed.deadlineMilliseconds, into: &output)
            case .readAnswer:
                // The filter is not in the answer, so the cursor's binding cannot be made again.
                _ = try ReadAnswer(decoding: raw)
                return nil
            case .readSchema:
                let timed = try ReadSchemaRequest.decode(raw)
                timed.request.encode(deadlineMilliseconds: timed.deadlineMilliseconds, into: &output)
            case .readSchemaAnswer: try SchemaAnswer(decoding: raw).encode(into: &output)
            case .openSession, .status:
                let timed = try PlainRequest.decode(raw)
                timed.request.encode(deadlineMilliseconds: timed.deadlineMilliseconds, into: &output)
            case .write:
                let timed = try WriteRequest.decode(raw)
                timed.request.encode(deadlineMilliseconds: timed.deadlineMilliseconds, into: &output)
            case .writeSchema:
                let timed = try WriteSchemaRequest.decode(raw)
                timed.request.encode(deadlineMilliseconds: timed.deadlineMilliseconds, into: &output)
            case .openSessionAnswer: try OpenSessionAnswer(decoding: raw).encode(into: &output)
            case .writeAnswer, .writeSchemaAnswer: try WriteAnswer(decoding: raw).encode(into: &output)
            case .statusAnswer: try NodeStatus(decoding: raw).encode(into: &output)
            case .peer:
                let message = try PeerMessage(decoding: raw)
                if case .proposalRefused = message { return nil }
                message.encode(into: &output)
            }
            return output.bytes
        }
    }

    private static func reencodeCheck(_ raw: UnsafeRawBufferPointer, into output: inout ByteWriter) throws {
        let view = try CheckRequestView(decoding: raw)
        output.integer(view.deadlineMilliseconds)
        encode(view.consistency, into: &output)
        encode(view.check, into: &output)
    }

    private static func reencodeBulk(_ raw: UnsafeRawBufferPointer, into output: inout ByteWriter) throws {
        var view = try BulkCheckRequestView(decoding: raw)
        output.integer(view.deadlineMilliseconds)
        encode(view.consistency, into: &output)
        output.count(view.count)
        while let check = try view.next() { encode(check, into: &output) }
    }

    private static func encode(_ consistency: Consistency, into output: inout ByteWriter) {
        switch consistency {
        case .minimizeLatency: output.integer(UInt8(0))
        case .atLeastAsFresh(let zookie):
            output.integer(UInt8(1))
            zookie.encode(into: &output)
        case .fullyConsistent: output.integer(UInt8(2))
        }
    }

    private static func encode(_ check: CheckView, into output: inout ByteWriter) {
        for part in [
            check.resourceType, check.resourceID, check.permission, check.subjectType, check.subjectID,
            check.subjectRelation,
        ] {
            output.lengthPrefixed(part)
        }
    }
}
