// Pemba: tests of every message's encoding.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService
import PembaTestSupport
import PembaWire
import Testing

@Suite("Messages") struct MessageTests {
    private func type(_ sample: Sample) throws -> FrameType { try #require(sample.type) }

    private func decode<Value>(
        _ bytes: [UInt8],
        _ body: (UnsafeRawBufferPointer) throws -> Value
    ) rethrows -> Value {
        try bytes.withUnsafeBytes { try body($0) }
    }

    private func payload(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var output = ByteWriter()
        body(&output)
        return output.bytes
    }

    @Test("every type of frame has a sample") func complete() {
        let covered = Set(Samples.all.compactMap(\.type))
        #expect(FrameType.allCases.filter { !covered.contains($0) } == [])
    }

    @Test("what is decoded encodes to the same bytes", arguments: Samples.all) func canonical(_ sample: Sample) throws {
        if let again = try AnyDecoder.reencode(try type(sample), sample.payload) { #expect(again == sample.payload) }
    }

    @Test("a payload cut anywhere is refused", arguments: Samples.all) func truncated(_ sample: Sample) throws {
        let type = try type(sample)
        for length in 0..<sample.payload.count {
            #expect(throws: ByteError.self, "\(length) bytes") {
                try AnyDecoder.reencode(type, Array(sample.payload.prefix(length)))
            }
        }
    }

    @Test("a byte too many is refused, but ignored in the handshake", arguments: Samples.all)
    func trailing(_ sample: Sample) throws {
        let type = try type(sample)
        if type == .hello || type == .helloAnswer {
            #expect(throws: Never.self) { try AnyDecoder.reencode(type, sample.payload + [0]) }
        } else {
            #expect(throws: ByteError.trailingBytes(count: 1)) { try AnyDecoder.reencode(type, sample.payload + [0]) }
        }
    }

    @Test("a flipped bit is refused or means something else, once", arguments: Samples.all)
    func bitFlips(_ sample: Sample) throws {
        let type = try type(sample)
        for bit in 0..<(sample.payload.count * 8) {
            var bytes = sample.payload
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            if let again = try? AnyDecoder.reencode(type, bytes) { #expect(again == bytes, "bit \(bit)") }
        }
    }

    @Test("random damage and random bytes never do more than fail") func fuzz() throws {
        for seed in Seeds(short: 2_000, full: 200_000) {
            var random = SeededRandom(seed: seed)
            let sample = Samples.all[random.below(Samples.all.count)]
            let type =
                random.chance(1, in: 4) ? FrameType.allCases[random.below(FrameType.allCases.count)] : sample.type
            var bytes = sample.payload
            if random.chance(1, in: 5) {
                bytes = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            for _ in 0..<random.below(6) where !bytes.isEmpty {
                let position = random.below(bytes.count)
                switch random.below(5) {
                case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[position] = 0xFF
                case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
                case 3: bytes.remove(at: position)
                default: bytes.removeLast(random.below(bytes.count))
                }
            }
            if let again = try? AnyDecoder.reencode(try #require(type), bytes) {
                #expect(again == bytes, "\(Seeds.replay(seed, "fuzz"))")
            }
        }
    }

    @Test("a count beyond its limit is refused before memory is taken") func counts() {
        let bulk = payload {
            $0.integer(UInt32(0))
            $0.integer(UInt8(0))
            $0.integer(UInt8(0))
            $0.varint(UInt64.max)
        }
        #expect(throws: ByteError.exceedsLimit(value: .max, limit: 10_000)) {
            try AnyDecoder.reencode(.bulkCheck, bulk)
        }
        let answer = payload {
            Samples.zookie.encode(into: &$0)
            $0.varint(10_000)
        }
        #expect(throws: ByteError.truncated(needed: 10_000, available: 0)) {
            try AnyDecoder.reencode(.bulkCheckAnswer, answer)
        }
        let write = payload {
            $0.integer(UInt32(0))
            $0.boolean(false)
            $0.varint(1_001)
        }
        #expect(throws: ByteError.exceedsLimit(value: 1_001, limit: 1_000)) { try AnyDecoder.reencode(.write, write) }
    }

    @Test("the views of checks show the fields without copying") func views() throws {
        let sample = try #require(Samples.reads.first { $0.name == "check at least as fresh" })
        try sample.payload.withUnsafeBytes { raw in
            let view = try CheckRequestView(decoding: raw)
            #expect(view.deadlineMilliseconds == 0)
            #expect(view.consistency == .atLeastAsFresh(Samples.zookie))
            func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
            #expect(text(view.check.resourceType) == "document")
            #expect(text(view.check.resourceID) == "plan")
            #expect(text(view.check.permission) == "view")
            #expect(text(view.check.subjectType) == "group")
            #expect(text(view.check.subjectID) == "eng")
            #expect(text(view.check.subjectRelation) == "member")
        }
        let bulk = try #require(Samples.reads.first { $0.name == "bulkCheck" })
        try bulk.payload.withUnsafeBytes { raw in
            var view = try BulkCheckRequestView(decoding: raw)
            var checks: [CheckView] = []
            var contexts: [UnsafeRawBufferPointer] = []
            try view.readAll(into: &checks, contexts: &contexts)
            #expect(checks.count == 2)
            #expect(contexts.isEmpty)
            #expect(checks[0].subjectRelation.isEmpty)
        }
    }

    @Test("the fast encoder of check answers writes the same frame") func fastAnswer() throws {
        let sample = try #require(Samples.reads.first { $0.name == "checkAnswer" })
        var output = ByteWriter()
        FrameWriter.checkAnswer(
            .hasPermission,
            zookie: EncodedZookie(Samples.zookie),
            correlation: 7,
            into: &output
        )
        #expect(output.bytes == sample.bytes)
        for (name, decision) in [("checkAnswer", Decision.has), ("checkAnswer conditional", Samples.missing)] {
            let sample = try #require(Samples.reads.first { $0.name == name })
            var output = ByteWriter()
            FrameWriter.checkAnswer(decision, zookie: EncodedZookie(Samples.zookie), correlation: 7, into: &output)
            #expect(output.bytes == sample.bytes)
        }
    }

    @Test("a check that is encoded once makes the same frames") func encodedCheck() throws {
        let item = CheckItem(
            resource: ObjectReference(type: "document", id: "plan"),
            permission: "view",
            subject: SubjectReference(type: "group", id: "staff", relation: "member")
        )
        let prepared = EncodedCheck(item)
        for consistency in [.minimizeLatency, .atLeastAsFresh(Samples.zookie), .fullyConsistent] as [Consistency] {
            var expected = ByteWriter()
            FrameWriter.frame(type: .check, correlation: 7, into: &expected) {
                item.encode(consistency: consistency, deadlineMilliseconds: 250, into: &$0)
            }
            var output = ByteWriter()
            FrameWriter.check(
                prepared,
                consistency: consistency,
                deadlineMilliseconds: 250,
                correlation: 7,
                into: &output
            )
            #expect(output.bytes == expected.bytes)
        }
    }

    @Test("values survive: handshake, write, read, answers, status") func values() throws {
        #expect(try decode(payload { Samples.hello.encode(into: &$0) }, Hello.init(decoding:)) == Samples.hello)
        #expect(
            try decode(payload { Samples.peerHello.encode(into: &$0) }, Hello.init(decoding:)) == Samples.peerHello
        )
        #expect(
            try decode(payload { Samples.helloAnswer.encode(into: &$0) }, HelloAnswer.init(decoding:))
                == Samples.helloAnswer
        )
        let write = try decode(
            payload { Samples.write.encode(deadlineMilliseconds: 9, into: &$0) },
            WriteRequest.decode
        )
        #expect(write == Timed(deadlineMilliseconds: 9, request: Samples.write))
        let read = try decode(
            payload { Samples.nextRead.encode(deadlineMilliseconds: 9, into: &$0) },
            ReadRequest.decode
        )
        #expect(read.request == Samples.nextRead)
        let status = try decode(payload { Samples.status.encode(into: &$0) }, NodeStatus.init(decoding:))
        #expect(status == Samples.status)
        let bulk = try decode(payload { Samples.bulkAnswer.encode(into: &$0) }, BulkCheckAnswer.init(decoding:))
        #expect(bulk.zookie == Samples.zookie)
        #expect(bulk.results == Samples.bulkAnswer.results)
        let error = try decode(payload { Samples.error.encode(into: &$0) }, ErrorFrame.init(decoding:))
        #expect(error.serviceError == Samples.error)
    }

    @Test("a damaged zookie is refused by its own code") func zookies() throws {
        let sample = try #require(Samples.reads.first { $0.name == "check at least as fresh" })
        var bytes = sample.payload
        bytes[20] ^= 1
        let refusal = #expect(throws: ByteError.self) { try AnyDecoder.reencode(.check, bytes) }
        #expect(ServiceError(decoding: try #require(refusal), of: .check).code == .invalidZookie)
    }

    @Test("what is too long for an error frame is cut between characters") func longErrors() throws {
        let long = String(repeating: "ü", count: 10_000)
        let error = ServiceError(
            .invalidSchema,
            long,
            details: (0..<300).map { ServiceError.Detail("diagnostic", "\($0) \(long)") }
        )
        let decoded = try decode(payload { error.encode(into: &$0) }, ErrorFrame.init(decoding:))
        #expect(decoded.message.utf8.count <= ErrorFrame.textBytes)
        #expect(decoded.message.hasSuffix("ü…"))
        #expect(decoded.details.count == ErrorFrame.detailsMax)
        let bulk = BulkCheckAnswer(results: [.failure(error)], zookie: Samples.zookie)
        let answer = try decode(payload { bulk.encode(into: &$0) }, BulkCheckAnswer.init(decoding:))
        guard case .failure(let item) = answer.results[0] else {
            Issue.record("the item's error is missing")
            return
        }
        #expect(item.code == .invalidSchema)
        #expect(item.message.utf8.count <= ErrorFrame.itemTextBytes)
    }

    @Test(
        "an error of a later version keeps its meaning for the caller",
        arguments: [
            (RetryAdvice.never, true, ErrorCode.unsupported), (.otherNode, true, .unavailable),
            (.backOff, true, .overloaded), (.withIdempotencyKey, false, .outcomeUnknown),
            (.never, false, .internalError),
        ]
    )
    func unknownErrors(_ retry: RetryAdvice, _ known: Bool, _ code: ErrorCode) throws {
        let bytes = payload {
            $0.integer(UInt16(9_999))
            $0.integer(retry.rawValue)
            $0.boolean(known)
            $0.string("new")
            $0.count(0)
        }
        let error = try decode(bytes, ErrorFrame.init(decoding:)).serviceError
        #expect(error.code == code)
        #expect(error.detail("code") == "9999")
        #expect(error.code.outcomeIsKnown == known)
    }

    @Test("versions: the newest that both speak, or none") func versions() {
        func agreed(_ min: UInt16, _ max: UInt16) -> UInt16? {
            ProtocolVersion.agree(
                Hello(
                    versionMin: min,
                    versionMax: max,
                    cluster: nil,
                    software: "",
                    caller: .client(name: "", bearerKey: "")
                )
            )
        }
        #expect(agreed(1, 1) == 1)
        #expect(agreed(1, 9) == ProtocolVersion.max)
        #expect(agreed(2, 9) == nil)
        #expect(agreed(0, 0) == nil)
        #expect(agreed(9, 1) == nil)
    }
}
