// Pemba: commands that are refused before the log takes them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaReplica

@Suite struct ShapeTests {
    private func code(_ request: WriteRequest) -> ErrorCode? {
        do throws(ServiceError) {
            try ClientCommand.write(request).checkShape()
            return nil
        } catch {
            return error.code
        }
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
        }
    }

    @Test func schemasHaveALimit() {
        let source = String(repeating: " ", count: Limits.schemaBytes + 1)
        #expect(throws: ServiceError.self) { try ClientCommand.writeSchema(source: source).checkShape() }
    }
}
