// Pemba: tests of what continues a query.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaWire
import Testing

@Suite("Cursors") struct CursorTests {
    private func payload(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var output = ByteWriter()
        body(&output)
        return output.bytes
    }

    private func decode<Value>(
        _ bytes: [UInt8],
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        try bytes.withUnsafeBytes { try body($0) }
    }

    private func page(_ answer: ReadAnswer, for request: ReadRequest) throws -> ReadAnswer {
        try decode(payload { answer.encode(for: request, into: &$0) }, ReadAnswer.init(decoding:))
    }

    /// What a request is refused with.
    private func refusal(_ type: FrameType, _ bytes: [UInt8]) throws -> ServiceError {
        let error = #expect(throws: ByteError.self) { try AnyDecoder.reencode(type, bytes) }
        return ServiceError(decoding: try #require(error), of: type)
    }

    @Test("a cursor continues its own read and no other") func readBinding() throws {
        var request = Samples.read
        request.cursor = try page(Samples.page, for: Samples.read).next
        let accepted = try decode(payload { request.encode(deadlineMilliseconds: 0, into: &$0) }, ReadRequest.decode)
        #expect(accepted.request.cursor?.last == Samples.tuple)
        #expect(accepted.request.cursor?.zookie == nil)
        request.filter.relation = "editor"
        let error = try refusal(.read, payload { request.encode(deadlineMilliseconds: 0, into: &$0) })
        #expect(error.code == .invalidCursor)
        #expect(error.message.contains("another query"))
    }

    @Test(
        "the pages of an exact read are of one revision",
        arguments: [Consistency.atExactSnapshot(Samples.zookie), .atRevision(Revision(42)), .atTime(.zero)]
    )
    func exactPages(_ consistency: Consistency) throws {
        var request = Samples.read
        request.consistency = consistency
        let first = try page(Samples.page, for: request)
        #expect(first.next?.zookie == Samples.zookie)
        // It stays so, whatever the consistency of the next page says.
        request.cursor = first.next
        request.consistency = .minimizeLatency
        #expect(try page(Samples.page, for: request).next?.zookie == Samples.zookie)
    }

    @Test("a cursor keeps nothing of its tuple but the key") func keyOnly() throws {
        let answer = ReadAnswer(tuples: [], next: ReadCursor(last: Samples.caveated), zookie: Samples.zookie)
        #expect(try page(answer, for: Samples.read).next?.last == Samples.caveated.key)
    }

    @Test("a page whose tuples do not fit a frame ends earlier and goes on there") func longPage() throws {
        let json = ContextObject([("text", .string(String(repeating: "x", count: 24_000)))])
        let tuples = (0..<180).map { number in
            RelationTuple(
                resource: ObjectReference(type: "document", id: "\(1_000 + number)"),
                relation: "viewer",
                subject: Samples.alice,
                caveat: CaveatReference(name: "net", context: json)
            )
        }
        let answer = ReadAnswer(tuples: tuples, next: nil, zookie: Samples.zookie)
        let bytes = payload { answer.encode(for: Samples.read, into: &$0) }
        #expect(bytes.count <= Limits.framePayloadBytes)
        let read = try decode(bytes, ReadAnswer.init(decoding:))
        #expect(read.tuples.count > 150)
        #expect(read.tuples[...] == tuples[..<read.tuples.count])
        #expect(read.next?.last == tuples[read.tuples.count - 1].key)
    }

    @Test("a cursor continues its own lookup and no other") func lookupBinding() throws {
        let end = try decode(
            payload {
                LookupEnd(zookie: Samples.zookie, next: Samples.cursor)
                    .encode(queryChecksum: Samples.lookupSubjects.queryChecksum, into: &$0)
            },
            LookupEnd.init(decoding:)
        )
        #expect(!end.isComplete)
        var request = Samples.lookupSubjects
        request.cursor = end.next
        // How fresh and how many may change from call to call.
        request.limit = 7
        request.consistency = .fullyConsistent
        func bytes(_ request: LookupSubjectsRequest) -> [UInt8] {
            payload { request.encode(deadlineMilliseconds: 0, window: 1, into: &$0) }
        }
        #expect(try decode(bytes(request), LookupSubjectsRequest.decode).request == request)
        var others = Array(repeating: request, count: 6)
        others[0].resource.id = "other"
        others[1].permissions = ["edit"]
        others[2].kinds.removeLast()
        others[3].context.values = Samples.context
        others[4].candidates = []
        others[5].idPrefix = "a"
        for other in others { #expect(try refusal(.lookupSubjects, bytes(other)).code == .invalidCursor) }
    }

    @Test("a cursor of another call, a damaged one and no cursor at all are refused as cursors") func noCursors() throws
    {
        var cursor = ByteWriter()
        Samples.nextRead.encode(deadlineMilliseconds: 1_000, into: &cursor)
        let read = Array(cursor.bytes.dropFirst(Samples.reads.first { $0.name == "read" }!.payload.count - 1))
        var lookup = payload { Samples.lookupResources.encode(deadlineMilliseconds: 0, window: 1, into: &$0) }
        lookup.removeLast()
        #expect(try refusal(.lookupResources, lookup + read).code == .invalidCursor)
        for position in 1..<read.count {
            var damaged = read
            damaged[position] ^= 1
            #expect(try refusal(.lookupResources, lookup + damaged).code == .invalidCursor)
        }
        for short in [[1, 0], [3, 1, 2, 3], [4, 0, 0, 0, 0]] as [[UInt8]] {
            let error = try refusal(.lookupResources, lookup + short)
            #expect(error.code == .invalidCursor)
            #expect(error.message.contains("the cursor is not one"))
        }
    }
}
