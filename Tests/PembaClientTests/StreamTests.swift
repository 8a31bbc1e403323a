// Pemba: tests of answers that come item by item.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaWire
import Synchronization
import Testing

private let view = [TypePermission(type: "document", permission: "view")]
private let alice = SubjectReference(type: "user", id: "alice")

private func found(_ ids: [Int]) -> [FoundResource] {
    ids.map { FoundResource(permission: 0, id: "d\($0)", decision: .has) }
}

private func lookupEnd(_ revision: UInt64 = 1, next: LookupCursor? = nil) -> Reply.Frame {
    Reply.Frame(.lookupResourcesAnswer) {
        LookupEnd(zookie: TestCluster.shared.zookie(revision), next: next)
            .encode(queryChecksum: next?.queryChecksum ?? 0, into: &$0)
    }
}

extension Received {
    fileprivate var lookup: LookupResourcesRequest? { try? decode(LookupResourcesRequest.decode).request }
    fileprivate var window: Int { Int((try? decode(LookupResourcesRequest.decode).window) ?? 0) }
    fileprivate var credit: Int { Int((try? decode(StreamCredit.init(decoding:)).frames) ?? 0) }
}

@Suite("Streams", .timeLimit(.minutes(4))) struct StreamTests {
    let cluster = TestCluster.shared

    /// Reads everything that is left.
    private func rest<Item, End>(
        _ items: inout AnswerStream<Item, End>.Iterator
    ) async throws -> [Item] {
        var all: [Item] = []
        while let item = try await items.next() { all.append(item) }
        return all
    }

    @Test("items come in the order of the frames, and the end says that they are all") func wholeAnswer() async throws {
        let node = try await ScriptedNode { _ in
            .frames([Reply.Frame(found([1, 2]), 7), Reply.Frame(found([3]), 7), lookupEnd(7)])
        }
        try await withClient(cluster.configuration([node])) { client in
            let lookup = client.lookupResources(
                view,
                for: alice,
                context: EvaluationContext(values: ContextObject([("tier", .int(3))])),
                idPrefix: "d",
                consistency: .fullyConsistent
            )
            var items = lookup.makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == found([1, 2, 3]))
            #expect(items.end == LookupEnd(zookie: cluster.zookie(7), next: nil))
            let after = try await items.next()
            #expect(after == nil)
        }
        let request = try #require(node.received(.lookupResources).first?.lookup)
        #expect(request.permissions == view)
        #expect(request.subject == alice)
        #expect(request.context.values == ContextObject([("tier", .int(3))]))
        #expect(request.idPrefix == "d")
        #expect(request.consistency == .fullyConsistent)
        #expect(request.limit == nil)
    }

    @Test("a node sends no more than there is room for, and all in the end") func flowControl() async throws {
        let total = 200
        let sent = Mutex(0)
        @Sendable func frames(_ count: Int) -> [Reply.Frame] {
            sent.withLock { sent in
                let range = sent..<min(sent + count, total)
                sent = range.upperBound
                return range.map { Reply.Frame(found([$0])) } + (sent == total && !range.isEmpty ? [lookupEnd()] : [])
            }
        }
        let node = try await ScriptedNode { received in
            switch received.type {
            case .lookupResources: .frames(frames(received.window))
            case .streamCredit: .frames(frames(received.credit))
            default: .error(ServiceError(.unsupported, "only lookups"))
            }
        }
        try await withClient(cluster.configuration([node])) { client in
            var items = client.lookupResources(view, for: alice).makeAsyncIterator()
            let first = try await items.next()
            #expect(first == found([0]).first)
            // Whatever the node was allowed to send by now it has sent: the answer to the status follows it.
            _ = await client.statusOfEndpoints(timeout: .seconds(2))
            let early = sent.withLock(\.self)
            #expect((1...32).contains(early))
            let all = try await rest(&items)
            #expect(all == found(Array(1..<total)))
        }
        let window = node.received(.lookupResources).first?.window ?? 0
        #expect(window + node.received(.streamCredit).map(\.credit).reduce(0, +) < total + 2 * window)
    }

    @Test("a broken connection is passed over: the rest comes from another node, at the same revision")
    func failover() async throws {
        // Either may be asked first, and the first may be asked again before the client has reached the second.
        let first = try await ScriptedNode(1) { received in
            guard received.lookup?.cursor == nil else { return .hangUp }
            return .framesAndHangUp([Reply.Frame(found([1, 2]), 5), Reply.Frame(found([3]), 5)])
        }
        let second = try await ScriptedNode(2) { received in
            guard let cursor = received.lookup?.cursor else {
                return .framesAndHangUp([Reply.Frame(found([1, 2]), 5), Reply.Frame(found([3]), 5)])
            }
            return cursor.id == "d3" ? .frames([Reply.Frame(found([4]), 5), lookupEnd(5)]) : .hangUp
        }
        try await withClient(cluster.configuration([first, second])) { client in
            var items = client.lookupResources(view, for: alice, limit: 10).makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == found([1, 2, 3, 4]))
            #expect(items.end?.isComplete == true)
        }
        let resumed = try #require(second.received.compactMap(\.lookup).first { $0.cursor != nil })
        #expect(resumed.cursor?.zookie == cluster.zookie(5))
        #expect(resumed.cursor?.queryChecksum == resumed.queryChecksum)
        #expect(resumed.limit == 7)
    }

    @Test("a wildcard whose exclusions a broken connection cut short comes again, whole and once") func exclusions()
        async throws
    {
        func subject(_ id: String, _ excluded: Range<Int> = 0..<0) -> FoundSubject {
            let excluded = excluded.map { ExcludedSubject(id: "u\($0)", decision: .has) }
            return FoundSubject(permission: 0, kind: 0, id: id, decision: .has, excluded: excluded)
        }
        var pieces: [FoundSubjectPiece] = []
        subject("*", 0..<300).appendPieces(to: &pieces)
        let whole = pieces + [FoundSubjectPiece(subject("zoe"))]
        let end = Reply.Frame(.lookupSubjectsAnswer) {
            LookupEnd(zookie: TestCluster.shared.zookie(5), next: nil).encode(queryChecksum: 0, into: &$0)
        }
        let counts = Counts()
        let node = try await ScriptedNode { [pieces] received in
            guard counts.next(received.type) == 0 else {
                return .frames([Reply.Frame([whole[0]], 5), Reply.Frame(Array(whole[1...]), 5), end])
            }
            return .framesAndHangUp([Reply.Frame([pieces[0]], 5), Reply.Frame([pieces[1]], 5)])
        }
        try await withClient(cluster.configuration([node])) { client in
            let resource = ObjectReference(type: "document", id: "plan")
            let stream = client.lookupSubjects(["view"], on: resource, kinds: [SubjectKind(type: "user")])
            var items = stream.makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == [subject("*", 0..<300), subject("zoe")])
        }
        let requests = node.received(.lookupSubjects)
        #expect(requests.count == 2)
        // Nothing was whole: the second call begins where the first did.
        #expect(try requests[1].decode(LookupSubjectsRequest.decode).request.cursor == nil)
    }

    @Test("a limit that was reached ends a lookup though the node could not say so") func limitReached() async throws {
        let node = try await ScriptedNode { _ in .framesAndHangUp([Reply.Frame(found([1, 2]), 5)]) }
        try await withClient(cluster.configuration([node])) { client in
            var items = client.lookupResources(view, for: alice, limit: 2).makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == found([1, 2]))
            #expect(items.end?.next?.id == "d2")
            let text = try #require(items.end?.next?.text)
            #expect(LookupCursor(text: text) == items.end?.next)
            #expect(LookupCursor(text: String(text.dropLast())) == nil)
        }
        #expect(node.received(.lookupResources).count == 1)
    }

    @Test("without a limit a lookup goes on where one call ends; a page does not") func calls() async throws {
        let node = try await ScriptedNode { received in
            guard let request = received.lookup else { return .silence }
            if request.cursor != nil { return .frames([Reply.Frame(found([3]), 5), lookupEnd(5)]) }
            let next = LookupCursor(
                zookie: TestCluster.shared.zookie(5),
                queryChecksum: request.queryChecksum,
                permission: 0,
                kind: 0,
                id: "d2"
            )
            return .frames([Reply.Frame(found([1, 2]), 5), lookupEnd(5, next: next)])
        }
        try await withClient(cluster.configuration([node])) { client in
            let lookup = client.lookupResources(view, for: alice)
            var items = lookup.makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == found([1, 2, 3]))
            let page = try await lookup.page()
            #expect(page.items == found([1, 2]))
            let cursor = try #require(page.end.next)
            let second = try await client.lookupResources(view, for: alice, cursor: cursor).page()
            #expect(second.items == found([3]))
            #expect(second.end.isComplete)
        }
    }

    @Test("whoever stops reading, or is cancelled, ends the lookup at the node") func cancellation() async throws {
        let node = try await ScriptedNode { received in
            received.type == .lookupResources ? .frames([Reply.Frame(found([1]))]) : .silence
        }
        try await withClient(cluster.configuration([node])) { client in
            for try await item in client.lookupResources(view, for: alice) {
                #expect(item.id == "d1")
                break
            }
            try await eventually("the first cancel") { node.received(.cancel).count == 1 }
            let task = Task {
                var count = 0
                for try await _ in client.lookupResources(view, for: alice) { count += 1 }
                return count
            }
            try await eventually("the second lookup") { node.received(.lookupResources).count == 2 }
            task.cancel()
            let error = await #expect(throws: ClientError.self) { try await task.value }
            #expect(error?.reason == .cancelled)
            try await eventually("the second cancel") { node.received(.cancel).count == 2 }
        }
        let correlations = node.received(.lookupResources).map(\.correlation)
        #expect(node.received(.cancel).map(\.correlation) == correlations)
    }

    @Test("a node that sends more than there is room for is left") func flooding() async throws {
        // Both go on where the client is: it may come to the first again before it is connected to the second.
        @Sendable func first(_ received: Received) -> Int {
            received.lookup?.cursor.flatMap { Int($0.id.dropFirst()) }.map { $0 + 1 } ?? 0
        }
        let flooding = try await ScriptedNode(1) { received in
            .frames((first(received)..<100).map { Reply.Frame(found([$0])) })
        }
        let good = try await ScriptedNode(2) { received in
            .frames([Reply.Frame(found(Array(first(received)..<100))), lookupEnd()])
        }
        try await withClient(cluster.configuration([flooding, good])) { client in
            // It is asked once the client is connected to it.
            var count = 0
            while count < 2 || flooding.received.isEmpty {
                var items = client.lookupResources(view, for: alice).makeAsyncIterator()
                let all = try await rest(&items)
                #expect(all == found(Array(0..<100)))
                count += 1
            }
        }
    }

    @Test("a stream that no node takes on ends in time") func deadline() async throws {
        let node = try await ScriptedNode { _ in .silence }
        try await withClient(cluster.configuration([node])) { client in
            let lookup = client.lookupResources(view, for: alice, timeout: .milliseconds(100))
            let error = await #expect(throws: ClientError.self) { try await lookup.page() }
            #expect(error?.reason == .deadlineExceeded)
        }
    }

    @Test("streams end with the client, and begin no more after it") func shutdown() async throws {
        let node = try await ScriptedNode { _ in .frames([Reply.Frame(found([1]))]) }
        let client = try PembaClient(configuration: cluster.configuration([node]))
        var items = client.lookupResources(view, for: alice).makeAsyncIterator()
        let first = try await items.next()
        #expect(first?.id == "d1")
        await client.shutdown()
        let error = await #expect(throws: ClientError.self) { try await items.next() }
        #expect(error?.reason == .shutDown)
        let second = await #expect(throws: ClientError.self) {
            try await client.lookupResources(view, for: alice).page()
        }
        #expect(second?.reason == .shutDown)
    }

    @Test("an export goes on after its last tuple, at its revision, and counts all") func export() async throws {
        let tuples = try (1...4).map { try RelationTuple(parsing: "document:d\($0)#viewer@user:alice") }
        let node = try await ScriptedNode { received in
            guard let request = try? received.decode(ExportRequest.decode).request else { return .silence }
            guard let cursor = request.cursor else { return .framesAndHangUp([Reply.Frame(Array(tuples[..<3]), 8)]) }
            let end = ExportEnd(zookie: TestCluster.shared.zookie(8), count: 1)
            let isRight = cursor.last == tuples[2] && cursor.zookie == TestCluster.shared.zookie(8)
            let last = Reply.Frame(.exportAnswer) { end.encode(into: &$0) }
            return isRight ? .frames([Reply.Frame(Array(tuples[3...]), 8), last]) : .hangUp
        }
        try await withClient(cluster.configuration([node])) { client in
            let filter = RelationshipFilter(resourceType: "document")
            var items = client.export(matching: filter).makeAsyncIterator()
            let all = try await rest(&items)
            #expect(all == tuples)
            #expect(items.end == ExportEnd(zookie: cluster.zookie(8), count: 4))
        }
    }
}
