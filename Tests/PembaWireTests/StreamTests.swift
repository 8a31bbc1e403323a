// Pemba: tests of streamed answers.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaWire
import Testing

@Suite("Streams") struct StreamTests {
    /// The frames that `items` fill, and their payloads.
    private func parts<Item: StreamItem>(_ items: [Item]) -> [[UInt8]] {
        var payloads: [[UInt8]] = []
        var rest = items[...]
        while !rest.isEmpty {
            var output = ByteWriter()
            var part = StreamPart<Item>(zookie: EncodedZookie(Samples.zookie), correlation: 9, into: &output)
            while let item = rest.first, part.append(item, into: &output) { rest.removeFirst() }
            #expect(part.end(in: &output))
            payloads.append(payload(output.bytes))
        }
        return payloads
    }

    private func payload(_ frame: [UInt8]) -> [UInt8] {
        guard frame[5] & FrameFlags.compressed.rawValue != 0 else { return Array(frame.dropFirst(FrameHeader.size)) }
        var raw: [UInt8] = []
        frame.withUnsafeBytes { bytes in
            let block = UnsafeRawBufferPointer(rebasing: bytes[FrameHeader.size...])
            #expect(throws: Never.self) {
                try FrameCompression.decompress(block, limit: Limits.framePayloadBytes, into: &raw)
            }
        }
        return raw
    }

    private func items<Item: StreamItem>(_: Item.Type, _ payload: [UInt8]) throws -> [Item] {
        let part = try payload.withUnsafeBytes { try StreamPart<Item>.decode($0) }
        #expect(part.zookie == Samples.zookie)
        return part.items
    }

    @Test("items fill frames of at most 64 KiB and come back in order") func filling() throws {
        let resources = (0..<20_000).map { FoundResource(permission: $0 % 100, id: "id-\($0)", decision: .has) }
        let payloads = parts(resources)
        #expect(payloads.count > 2)
        #expect(payloads.allSatisfy { $0.count <= StreamLimits.partBytes })
        #expect(payloads.dropLast().allSatisfy { $0.count > StreamLimits.partBytes - 16 })
        #expect(try payloads.flatMap { try items(FoundResource.self, $0) } == resources)
    }

    @Test("an id that is borrowed gives the same bytes") func borrowed() {
        var output = ByteWriter()
        var part = FoundResourcesWriter(zookie: EncodedZookie(Samples.zookie), correlation: 9, into: &output)
        "plan".utf8.withContiguousStorageIfAvailable {
            #expect(part.append(permission: 0, id: UnsafeRawBufferPointer($0), into: &output))
        }
        #expect(part.end(in: &output))
        #expect([payload(output.bytes)] == parts([FoundResource(permission: 0, id: "plan", decision: .has)]))
    }

    @Test("an item that is longer than a frame should be goes alone") func longItem() throws {
        let long = WatchEvent.schema(zookie: Samples.zookie, source: String(repeating: "s", count: 100_000))
        let short = WatchEvent.checkpoint(zookie: Samples.zookie)
        let payloads = parts([short, long, short, short])
        #expect(try payloads.map { try items(WatchEvent.self, $0) } == [[short], [long], [short, short]])
    }

    @Test(
        "a wildcard of any number of exclusions comes in pieces, and is whole again",
        arguments: [0, 128, 129, 300_000]
    )
    func wildcards(count: Int) throws {
        func subject(_ id: String, kind: Int) -> FoundSubject {
            FoundSubject(permission: 1, kind: kind, id: id, decision: .has)
        }
        var everybody = subject("*", kind: 0)
        everybody.excluded = (0..<count).map {
            ExcludedSubject(
                id: "user-\($0)",
                decision: $0 % 3 == 0 ? Decision(.conditional, missingContext: ["ip"]) : .has
            )
        }
        let found = [everybody, subject("ann", kind: 0), subject("*", kind: 1), subject("bob", kind: 1)]
        var pieces: [FoundSubjectPiece] = []
        for subject in found { subject.appendPieces(to: &pieces) }
        let payloads = parts(pieces)
        #expect(payloads.allSatisfy { $0.count <= StreamLimits.partBytes })
        var whole: [FoundSubject] = []
        var collector = FoundSubjectPieces()
        for payload in payloads {
            for piece in try items(FoundSubjectPiece.self, payload) {
                if let subject = try collector.add(piece) { whole.append(subject) }
            }
        }
        #expect(whole == found)
    }

    @Test("exclusions that go on belong to the same wildcard") func strayPiece() throws {
        var pieces = FoundSubjectPieces()
        let everybody = FoundSubject(permission: 0, kind: 0, id: "*", decision: .has)
        #expect(try pieces.add(FoundSubjectPiece(everybody, goesOn: true)) == nil)
        var other = everybody
        other.kind = 1
        #expect(throws: ByteError.self) { try pieces.add(FoundSubjectPiece(other)) }
    }

    @Test("the longest piece of a wildcard fits a frame") func longPiece() {
        let names = (0..<Decision.missingMax).map {
            String(repeating: "n", count: Decision.missingBytes - 2) + "\($0 + 10)"
        }
        let id = String(repeating: "i", count: Limits.objectIDBytes)
        let excluded = ExcludedSubject(id: id, decision: Decision(.conditional, missingContext: names))
        var everybody = FoundSubject(
            permission: 0,
            kind: 0,
            id: "*",
            decision: Decision(.conditional, missingContext: names)
        )
        everybody.excluded = Array(repeating: excluded, count: FoundSubjectPiece.exclusions)
        #expect(parts([FoundSubjectPiece(everybody)])[0].count < Limits.framePayloadBytes)
    }

    @Test("a frame without items is taken back") func empty() throws {
        var output = ByteWriter()
        output.integer(UInt8(1))
        let part = FoundResourcesWriter(zookie: EncodedZookie(Samples.zookie), correlation: 9, into: &output)
        let isThere = part.end(in: &output)
        #expect(!isThere)
        #expect(output.bytes == [1])
        #expect(throws: ByteError.self) { try items(FoundResource.self, Samples.zookie.bytes + [0, 0]) }
    }

    @Test("a window and a credit are 1 to 1,024 frames") func windows() {
        for (frames, isGood) in [(0, false), (1, true), (1_024, true), (1_025, false)] as [(UInt16, Bool)] {
            var output = ByteWriter()
            Samples.lookupResources.encode(deadlineMilliseconds: 0, window: frames, into: &output)
            #expect(((try? AnyDecoder.reencode(.lookupResources, output.bytes)) != nil) == isGood)
            var credit = ByteWriter()
            StreamCredit(frames: frames).encode(into: &credit)
            #expect(((try? AnyDecoder.reencode(.streamCredit, credit.bytes)) != nil) == isGood)
        }
    }

    @Test("requests whose answers are streamed have a part and an end") func types() {
        for type in FrameType.allCases {
            guard let part = type.part else { continue }
            #expect(part.rawValue == type.rawValue + 192)
            #expect(type.answer != nil)
            #expect(!part.isRequest)
        }
        #expect(FrameType.allCases.filter { $0.part != nil }.count == 4)
    }

    // MARK: - Watch

    private func change(_ number: Int, json: Int = 0) -> TupleChange {
        var tuple = RelationTuple(
            resource: ObjectReference(type: "document", id: "d\(number)"),
            relation: "viewer",
            subject: Samples.alice
        )
        if json > 0 {
            let text = String(repeating: "x", count: json)
            tuple.caveat = CaveatReference(name: "net", context: ContextObject([("text", .string(text))]))
        }
        return TupleChange(.touched, tuple)
    }

    @Test("the changes of a large revision come in several events, of which the last says so")
    func largeRevision() throws {
        let changes = (0..<300).map { change($0, json: 2_000) } + (300..<5_000).map { change($0) }
        let events = WatchEvent.events(
            ofChanges: changes,
            zookie: Samples.zookie,
            time: Timestamp(nanoseconds: 5),
            metadata: Samples.context
        )
        #expect(events.count > 5)
        var seen: [TupleChange] = []
        for (place, event) in events.enumerated() {
            guard case .changes(let zookie, let time, let some, let metadata, let isLast) = event else {
                Issue.record("not changes")
                return
            }
            seen += some
            #expect(zookie == Samples.zookie)
            #expect(time == Timestamp(nanoseconds: 5))
            #expect(isLast == (place == events.count - 1))
            #expect(metadata == (isLast ? Samples.context : .empty))
        }
        #expect(seen == changes)
        #expect(parts(events).allSatisfy { $0.count < 2 * StreamLimits.partBytes })
        #expect(try parts(events).flatMap { try items(WatchEvent.self, $0) } == events)
    }

    @Test("a revision without changes is one event") func noChanges() {
        let events = WatchEvent.events(ofChanges: [], zookie: Samples.zookie, time: .zero, metadata: .empty)
        #expect(
            events
                == [.changes(zookie: Samples.zookie, time: .zero, changes: [], metadata: .empty, isLast: true)]
        )
        #expect(WatchEvent.events(ofTuples: []) == [])
    }

    @Test("the tuples of a snapshot come in events that fit frames") func snapshotTuples() {
        let tuples = (0..<25_000).map { change($0).tuple }
        let events = WatchEvent.events(ofTuples: tuples)
        #expect(parts(events).allSatisfy { $0.count <= StreamLimits.partBytes + 64 })
        let seen = events.flatMap { event -> [RelationTuple] in
            if case .tuples(let some) = event { some } else { [] }
        }
        #expect(seen == tuples)
    }
}
