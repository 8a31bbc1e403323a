// Pemba: tests of what is too large, too deep, or no JSON.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaWire
import Testing

@Suite("Bounds") struct BoundsTests {
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

    // MARK: - Trees

    private func expansion(levels: Int) -> ExpandTree {
        var tree = ExpandTree(resource: Samples.plan, permission: "view", content: .itself)
        for _ in 0..<levels {
            tree = ExpandTree(resource: Samples.plan, permission: "view", content: .union([tree]))
        }
        return tree
    }

    private func depth(_ tree: ExpandTree) -> (levels: Int, bottom: ExpandTree.Content) {
        guard case .union(let parts) = tree.content else { return (0, tree.content) }
        let below = depth(parts[0])
        return (below.levels + 1, below.bottom)
    }

    @Test("an expansion that is too deep is cut, visibly") func deepExpansion() throws {
        for (levels, bottom) in [(256, ExpandTree.Content.itself), (257, .truncated), (2_000, .truncated)] {
            let bytes = payload {
                ExpandAnswer(tree: expansion(levels: levels), zookie: Samples.zookie).encode(into: &$0)
            }
            let read = try decode(bytes, ExpandAnswer.init(decoding:))
            #expect(depth(read.tree).levels == Limits.explanationDepth)
            #expect(depth(read.tree).bottom == bottom)
        }
    }

    @Test("a proof that is too deep is cut, visibly") func deepProof() throws {
        var proof = ProofNode(resource: Samples.plan, permission: "view", decision: .has, reason: .identity)
        for _ in 0..<2_000 {
            proof = ProofNode(
                resource: Samples.plan,
                permission: "view",
                decision: .has,
                reason: .through(Samples.tuple, proof)
            )
        }
        let explanation = Explanation(decision: .has, proof: proof, suggestions: [], time: .zero)
        let bytes = payload { ExplainAnswer(explanation: explanation, zookie: Samples.zookie).encode(into: &$0) }
        var node = try decode(bytes, ExplainAnswer.init(decoding:)).explanation.proof
        var levels = 0
        while case .through(_, let next) = node.reason {
            node = next
            levels += 1
        }
        #expect(levels == Limits.explanationDepth)
        #expect(node.reason == .truncated)
    }

    @Test("trees of others that are too deep or too large are refused") func foreignTrees() {
        let node = payload {
            $0.string("document")
            $0.string("plan")
            $0.string("view")
        }
        func tree(levels: Int, leaves: Int) -> [UInt8] {
            payload { output in
                Samples.zookie.encode(into: &output)
                for _ in 0..<levels {
                    output.raw(node)
                    output.raw([2, 1])
                }
                output.raw(node)
                output.integer(UInt8(2))
                output.count(leaves)
                for _ in 0..<leaves {
                    output.raw(node)
                    output.integer(UInt8(6))
                }
            }
        }
        #expect(throws: Never.self) { try AnyDecoder.reencode(.expandAnswer, tree(levels: 255, leaves: 9_000)) }
        #expect(throws: ByteError.exceedsLimit(value: 257, limit: 256)) {
            try AnyDecoder.reencode(.expandAnswer, tree(levels: 256, leaves: 1))
        }
        #expect(throws: ByteError.exceedsLimit(value: 10_001, limit: 10_000)) {
            try AnyDecoder.reencode(.expandAnswer, tree(levels: 1, leaves: 9_999))
        }
    }

    // MARK: - Contexts

    /// What a check with these bytes for its context is refused with.
    private func refusal(context: [UInt8]) throws -> ServiceError {
        let bytes = payload {
            Samples.check.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &$0)
            $0.bytes[$0.bytes.count - 1] = 1
            $0.lengthPrefixed(context)
        }
        let error = #expect(throws: ByteError.self) { try AnyDecoder.reencode(.check, bytes) }
        return ServiceError(decoding: try #require(error), of: .check)
    }

    @Test("a context that is no JSON object is refused with its place") func noJSON() throws {
        for text in ["[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":nul}", " "] {
            let error = try refusal(context: Array(text.utf8))
            #expect(error.code == .invalidContext)
            #expect(error.message.contains("request context of the check request"))
            #expect(error.message.contains("at byte"))
        }
        #expect(try refusal(context: [0x7B, 0xFF, 0x7D]).message.contains("UTF-8"))
    }

    @Test("a context that is too long is refused before it is read") func longContext() throws {
        let error = try refusal(context: [UInt8](repeating: 0x20, count: Limits.requestContextBytes + 1))
        #expect(error.code == .invalidContext)
        #expect(error.message.contains("\(Limits.requestContextBytes + 1) bytes"))
    }

    @Test("JSON that is written otherwise means the same") func otherJSON() throws {
        let bytes = payload {
            Samples.check.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &$0)
            $0.bytes[$0.bytes.count - 1] = 1
            $0.string(" { \"ip\" : \"10.0.0.\\u0031\" } ")
        }
        try decode(bytes) { raw in
            let view = try CheckRequestView(decoding: raw)
            #expect(try ContextObject(requestContext: view.context) == Samples.context)
        }
    }

    @Test("what a flag announces is there") func emptyOptions() {
        for (flags, rest) in [(1, [0]), (2, [0]), (4, []), (8, [])] as [(UInt8, [UInt8])] {
            let bytes = payload {
                Samples.check.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &$0)
                $0.bytes[$0.bytes.count - 1] = flags
                $0.raw(rest)
            }
            #expect(throws: ByteError.self) { try AnyDecoder.reencode(.check, bytes) }
        }
    }

    @Test("a plain check says so, and one with everything shows everything") func views() throws {
        let plain = try #require(Samples.reads.first { $0.name == "check" })
        try decode(plain.payload) { raw in
            let view = try CheckRequestView(decoding: raw)
            #expect(view.isPlain)
        }
        let full = try #require(Samples.reads.first { $0.name == "check with context" })
        try decode(full.payload) { raw in
            let view = try CheckRequestView(decoding: raw)
            #expect(!view.isPlain)
            #expect(try ContextObject(requestContext: view.context) == Samples.context)
            #expect(try [RelationTuple](contextualTuples: view.contextualTuples) == [Samples.caveated])
            #expect(view.maxDepth == 50)
        }
        let bulk = try #require(Samples.reads.first { $0.name == "bulkCheck with context" })
        try decode(bulk.payload) { raw in
            var view = try BulkCheckRequestView(decoding: raw)
            var checks: [CheckView] = []
            var contexts: [UnsafeRawBufferPointer] = []
            try view.readAll(into: &checks, contexts: &contexts)
            #expect(try contexts.map { try ContextObject(requestContext: $0) } == [.empty, Samples.context])
            #expect(try [RelationTuple](contextualTuples: view.contextualTuples) == [Samples.tuple])
        }
    }

    // MARK: - Answers

    @Test("ten thousand conditional answers fit one frame, and none is cut short in silence") func conditionalBulk()
        throws
    {
        let names = (0..<64).map { "\($0)" + String(repeating: "n", count: 250) }
        let decision = Decision(.conditional, missingContext: names)
        let answer = BulkCheckAnswer(
            results: Array(repeating: .success(decision), count: Limits.checksPerBulk),
            zookie: Samples.zookie
        )
        let bytes = payload { answer.encode(into: &$0) }
        #expect(bytes.count < Limits.framePayloadBytes)
        let read = try decode(bytes, BulkCheckAnswer.init(decoding:))
        #expect(read.results.count == Limits.checksPerBulk)
        #expect(read.results[0] == .success(decision))
        guard case .failure(let error) = read.results[9_999] else {
            Issue.record("the last answer has no error")
            return
        }
        #expect(error.code == .limitExceeded)
    }

    @Test("a set's changes that do not fit a frame leave their counts") func longSetAnswer() throws {
        let tuple = RelationTuple(
            resource: ObjectReference(type: "document", id: String(repeating: "d", count: 1_000)),
            relation: "viewer",
            subject: Samples.alice
        )
        let few = SetAnswer(changes: [TupleUpdate(.create, tuple)], zookie: Samples.zookie)
        let many = SetAnswer(
            changes: Array(repeating: TupleUpdate(.delete, tuple), count: 5_000),
            zookie: Samples.zookie
        )
        for (answer, expected) in [
            (few, few), (many, SetAnswer(counts: many.counts, changes: [], zookie: many.zookie)),
        ] {
            let bytes = payload { answer.encode(leader: NodeID(3), into: &$0) }
            #expect(bytes.count <= Limits.framePayloadBytes)
            #expect(try decode(bytes, SetAnswer.decode) == WithLeader(expected, leader: NodeID(3)))
        }
        #expect(few.isListed)
        #expect(many.counts == WriteCounts(created: 0, touched: 0, deleted: 5_000))
    }

    @Test("tuples keep their caveat and their times") func traits() throws {
        let write = WriteRequest(
            updates: [Samples.tuple, Samples.caveated, Samples.expiring].map { TupleUpdate(.touch, $0) },
            metadata: Samples.context
        )
        let bytes = payload { write.encode(deadlineMilliseconds: 0, into: &$0) }
        #expect(try decode(bytes, WriteRequest.decode).request == write)
    }
}
