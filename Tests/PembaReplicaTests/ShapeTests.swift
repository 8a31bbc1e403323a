// Pemba: commands that are refused before the log takes them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ShapeTests {
    private func code(_ request: WriteRequest) -> ErrorCode? { code(.write(request)) }

    private func code(_ command: ClientCommand) -> ErrorCode? {
        do throws(ServiceError) {
            try command.checkShape()
            return nil
        } catch {
            return error.code
        }
    }

    private func tuple(_ text: String) throws -> RelationTuple { try RelationTuple(parsing: text) }

    /// A context whose JSON has `bytes` bytes.
    private func context(bytes: Int) -> ContextObject {
        ContextObject([("a", .string(String(repeating: "x", count: bytes - 8)))])
    }

    /// A context with so many lists and objects in each other.
    private func context(levels: Int) -> ContextObject {
        var value = ContextValue.int(1)
        for _ in 1..<levels { value = .list([value]) }
        return ContextObject([("a", value)])
    }

    private func touch(_ text: String) throws -> TupleUpdate { TupleUpdate(.touch, try RelationTuple(parsing: text)) }

    @Test func countsComeFirst() throws {
        let update = try touch("doc:1#viewer@user:a")
        #expect(code(WriteRequest(updates: [])) == .invalidArgument)
        let many = Array(repeating: update, count: Limits.updatesPerWrite + 1)
        #expect(code(WriteRequest(updates: many)) == .limitExceeded)
        let precondition = Precondition(.mustMatch, RelationshipFilter(resourceType: "doc"))
        let preconditions = Array(repeating: precondition, count: Limits.preconditionsPerWrite + 1)
        #expect(code(WriteRequest(updates: [update], preconditions: preconditions)) == .limitExceeded)
    }

    @Test func oneTupleTwiceIsADuplicate() throws {
        let text = "doc:1#viewer@user:a"
        let updates = [try touch(text), TupleUpdate(.delete, try RelationTuple(parsing: text))]
        #expect(code(WriteRequest(updates: updates)) == .duplicateUpdate)
        #expect(code(WriteRequest(updates: [try touch(text), try touch("doc:1#viewer@user:b")])) == nil)
    }

    @Test func anErrorAboutAShapeNamesItsTuple() throws {
        let good = try tuple("doc:1#viewer@user:a")
        var bad = good
        bad.resource.id = ""
        func position(_ command: ClientCommand) -> Int? {
            do throws(ServiceError) {
                try command.checkShape()
                return nil
            } catch {
                return error.position
            }
        }
        #expect(position(.write(WriteRequest(updates: [good, bad].map { TupleUpdate(.touch, $0) }))) == 1)
        #expect(position(.importTuples(ImportRequest(tuples: [good, good, bad], mode: .touch))) == 2)
        let other = try tuple("doc:1#owner@user:a")
        #expect(position(.set(SetRequest(resource: good.resource, relation: "viewer", tuples: [good, other]))) == 1)
    }

    @Test func canonicallyEquivalentIDsAreDifferentTuples() throws {
        let updates = [try touch("doc:\u{E9}#viewer@user:a"), try touch("doc:e\u{301}#viewer@user:a")]
        #expect(code(WriteRequest(updates: updates)) == nil)
    }

    @Test func namesAndIDsHaveLimits() throws {
        let long = String(repeating: "a", count: Limits.objectIDBytes + 1)
        func update(
            type: String = "doc",
            id: String = "1",
            relation: String = "viewer",
            subject: String = "a"
        ) -> TupleUpdate {
            TupleUpdate(
                .touch,
                RelationTuple(
                    resource: ObjectReference(type: type, id: id),
                    relation: relation,
                    subject: SubjectReference(type: "user", id: subject)
                )
            )
        }
        #expect(code(WriteRequest(updates: [update(type: long)])) == .limitExceeded)
        #expect(code(WriteRequest(updates: [update(relation: long)])) == .limitExceeded)
        #expect(code(WriteRequest(updates: [update(id: long)])) == .invalidArgument)
        #expect(code(WriteRequest(updates: [update(id: "")])) == .invalidArgument)
        #expect(code(WriteRequest(updates: [update(id: "*")])) == .invalidArgument)
        #expect(code(WriteRequest(updates: [update(subject: "a\u{7}")])) == .invalidArgument)
        #expect(code(WriteRequest(updates: [update(subject: "*")])) == nil)
        #expect(code(WriteRequest(updates: [update(type: "")])) == .invalidArgument)
    }

    @Test func filtersMustSayWhatTheyMean() throws {
        let update = try touch("doc:1#viewer@user:a")
        func code(_ filter: RelationshipFilter) -> ErrorCode? {
            self.code(WriteRequest(updates: [update], preconditions: [Precondition(.mustMatch, filter)]))
        }
        #expect(code(RelationshipFilter()) == .invalidArgument)
        #expect(code(RelationshipFilter(resourceID: "1", resourceIDPrefix: "1")) == .invalidArgument)
        #expect(code(RelationshipFilter(resourceID: "")) == .invalidArgument)
        #expect(code(RelationshipFilter(relation: String(repeating: "a", count: 65))) == .limitExceeded)
        #expect(code(RelationshipFilter(resourceID: "1")) == nil)
    }

    @Test func keysCountFromOne() throws {
        let update = try touch("doc:1#viewer@user:a")
        for (sequence, first) in [(0, 0), (1, 0), (1, 2)] as [(UInt64, UInt64)] {
            let key = IdempotencyKey(session: 5, sequence: sequence, firstUnacknowledged: first)
            #expect(code(WriteRequest(updates: [update], idempotencyKey: key)) == .invalidArgument)
            let tuples = ImportRequest(tuples: [update.tuple], mode: .skip, idempotencyKey: key)
            #expect(code(.importTuples(tuples)) == .invalidArgument)
        }
    }

    @Test func contextsHaveLimits() throws {
        func code(_ caveat: CaveatReference?, _ metadata: ContextObject = .empty) throws -> ErrorCode? {
            var update = try touch("doc:1#viewer@user:a")
            update.tuple.caveat = caveat
            return self.code(WriteRequest(updates: [update], metadata: metadata))
        }
        func caveat(_ context: ContextObject) -> CaveatReference { CaveatReference(name: "net", context: context) }
        #expect(try code(CaveatReference(name: "")) == .invalidArgument)
        #expect(try code(CaveatReference(name: String(repeating: "n", count: 129))) == .limitExceeded)
        #expect(try code(caveat(context(bytes: Limits.storedContextBytes))) == nil)
        #expect(try code(caveat(context(bytes: Limits.storedContextBytes + 1))) == .invalidContext)
        #expect(try code(caveat(context(levels: Limits.contextDepth))) == nil)
        #expect(try code(caveat(context(levels: Limits.contextDepth + 1))) == .invalidContext)
        #expect(try code(nil, context(bytes: Limits.metadataBytes)) == nil)
        #expect(try code(nil, context(bytes: Limits.metadataBytes + 1)) == .invalidContext)
    }

    @Test func whatPassesIsReadBack() throws {
        var update = try touch("doc:1#viewer@user:a")
        update.tuple.caveat = CaveatReference(name: "net", context: context(levels: Limits.contextDepth))
        let write = WriteRequest(updates: [update], metadata: context(bytes: Limits.metadataBytes))
        let proposal = Proposal(origin: NodeID(1), request: 1, command: .write(write))
        #expect(try Proposal(decoding: proposal.encode()) == proposal)
    }

    @Test func aTupleIsTheSameWithOtherTraits() throws {
        var flagged = try touch("doc:1#viewer@user:a")
        flagged.tuple.expiresAt = Timestamp(nanoseconds: 5)
        #expect(code(WriteRequest(updates: [try touch("doc:1#viewer@user:a"), flagged])) == .duplicateUpdate)
        let set = SetRequest(
            resource: flagged.tuple.resource,
            relation: "viewer",
            tuples: [flagged.tuple, flagged.tuple.key]
        )
        #expect(code(.set(set)) == .duplicateUpdate)
        #expect(code(.importTuples(ImportRequest(tuples: set.tuples, mode: .touch))) == nil)
    }

    @Test func aDeletionSaysWhatAndHowMuch() {
        func code(_ filter: RelationshipFilter, limit: Int = 1) -> ErrorCode? {
            self.code(.delete(DeleteRequest(filter: filter, limit: limit)))
        }
        let filter = RelationshipFilter(resourceType: "doc")
        #expect(code(filter) == nil)
        #expect(code(filter, limit: Limits.tuplesPerDelete) == nil)
        #expect(code(filter, limit: Limits.tuplesPerDelete + 1) == .limitExceeded)
        #expect(code(filter, limit: 0) == .invalidArgument)
        #expect(code(RelationshipFilter()) == .invalidArgument)
    }

    @Test func aSetIsOfOneRelation() throws {
        let resource = ObjectReference(type: "doc", id: "1")
        func code(_ texts: [String], resource: ObjectReference, relation: String = "viewer") throws -> ErrorCode? {
            let tuples = try texts.map { try tuple($0) }
            return self.code(.set(SetRequest(resource: resource, relation: relation, tuples: tuples)))
        }
        #expect(try code([], resource: resource) == nil)
        #expect(try code(["doc:1#viewer@user:a", "doc:1#viewer@user:b"], resource: resource) == nil)
        #expect(try code(["doc:2#viewer@user:a"], resource: resource) == .invalidArgument)
        #expect(try code(["doc:1#editor@user:a"], resource: resource) == .invalidArgument)
        #expect(try code([], resource: ObjectReference(type: "doc", id: "*")) == .invalidArgument)
        #expect(try code([], resource: resource, relation: "") == .invalidArgument)
        let many = (0...Limits.updatesPerWrite).map { "doc:1#viewer@user:\($0)" }
        #expect(try code(many, resource: resource) == .limitExceeded)
    }

    @Test func anImportHasALimit() throws {
        let tuple = try tuple("doc:1#viewer@user:a")
        func code(_ count: Int) -> ErrorCode? {
            self.code(.importTuples(ImportRequest(tuples: Array(repeating: tuple, count: count), mode: .touch)))
        }
        #expect(code(0) == .invalidArgument)
        #expect(code(Limits.tuplesPerImport) == nil)
        #expect(code(Limits.tuplesPerImport + 1) == .limitExceeded)
    }

    @Test func schemasHaveALimit() {
        let source = String(repeating: " ", count: Limits.schemaBytes + 1)
        #expect(throws: ServiceError.self) { try ClientCommand.writeSchema(source: source).checkShape() }
    }
}
