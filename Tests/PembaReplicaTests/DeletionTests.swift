// Pemba: tests of deletions and preconditions that have more to look at than one command may.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaService
import Testing

@testable import PembaReplica

@Suite struct DeletionTests {
    private static let schema = """
        definition user {}
        definition document {
            relation viewer: user
            relation owner: user
            permission view = viewer + owner
        }
        """

    /// More documents than one command looks at, each with a viewer, which counts twice: the document and its tuple.
    private static let documents = Limits.commandVisits / 2 + 2_000

    private static let owners = RelationshipFilter(resourceType: "document", relation: "owner")

    private func driver() -> MachineDriver {
        var driver = MachineDriver()
        driver.applyMembers()
        driver.apply(.writeSchema(source: Self.schema))
        return driver
    }

    private func importTuples(_ driver: inout MachineDriver, _ numbers: Range<Int>, _ text: (Int) -> String) throws {
        var start = numbers.lowerBound
        while start < numbers.upperBound {
            let end = min(start + Limits.tuplesPerImport, numbers.upperBound)
            let tuples = try (start..<end).map { try RelationTuple(parsing: text($0)) }
            driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .touch)))
            start = end
        }
    }

    private func code(_ result: Result<CommandOutcome, ServiceError>?) -> ErrorCode? {
        if case .failure(let error)? = result { return error.code }
        return nil
    }

    /// Deletes in parts until nothing is left; how many were deleted by each.
    private func deleteAll(
        _ driver: inout MachineDriver,
        _ filter: RelationshipFilter,
        limit: Int = Limits.tuplesPerDelete
    ) throws -> [UInt64] {
        var parts: [UInt64] = []
        var cursor: ReadCursor?
        while true {
            let request = DeleteRequest(filter: filter, limit: limit, allowsPartial: true, cursor: cursor)
            guard case .success(.deleted(_, let count, let next))? = driver.apply(.delete(request)) else {
                Issue.record("the deletion was refused")
                return parts
            }
            parts.append(count)
            guard let next else { return parts }
            cursor = ReadCursor(last: next)
        }
    }

    @Test func aDeletionThatLooksAtTooMuchGoesOnWhereItEnded() throws {
        var driver = driver()
        // These are known to the history of this node only: a restored one must come to the same ends without them.
        try importTuples(&driver, 0..<3_000) { "document:a\($0)#viewer@user:ann" }
        _ = try deleteAll(&driver, RelationshipFilter(resourceType: "document", resourceIDPrefix: "a"))
        try importTuples(&driver, 0..<Self.documents) { "document:d\($0)#viewer@user:ann" }
        try driver.write(.touch, "document:a#owner@user:ann", "document:e#owner@user:ann")
        let restored = try MachineDriver.load(driver.snapshot())
        let known = driver.log.count

        #expect(code(driver.apply(.delete(DeleteRequest(filter: Self.owners)))) == .tooManyMatches)
        #expect(try deleteAll(&driver, Self.owners) == [1, 1])
        #expect(driver.machine.graph.tupleCount == Self.documents)
        // With nothing left that the names mean there is nothing to look at.
        #expect(try deleteAll(&driver, Self.owners) == [0])
        // The row of a subject is looked at whole, and no other.
        try driver.write(.touch, "document:d5#viewer@user:bob", "document:e#owner@user:bob")
        #expect(try deleteAll(&driver, RelationshipFilter(subjectID: "bob")) == [2])
        #expect(try deleteAll(&driver, RelationshipFilter(resourceType: "document"), limit: 40_000).count == 2)
        #expect(driver.machine.graph.tupleCount == 0)

        for entry in driver.log[known...] { _ = restored.apply(entry) }
        #expect(restored.stateHash == driver.machine.stateHash)
    }

    @Test func aPreconditionThatLooksAtTooMuchIsRefused() throws {
        var driver = driver()
        try importTuples(&driver, 0..<Self.documents) { "document:d\($0)#viewer@user:ann" }
        try driver.write(.touch, "document:e#owner@user:ann")
        func write(_ filter: RelationshipFilter) throws -> ErrorCode? {
            let precondition = Precondition(.mustMatch, filter)
            return code(try driver.write(.touch, "document:f#viewer@user:ann", preconditions: [precondition]))
        }
        #expect(try write(RelationshipFilter(resourceIDPrefix: "d", relation: "owner")) == .limitExceeded)
        #expect(try write(RelationshipFilter(resourceIDPrefix: "e", relation: "owner")) == nil)
        #expect(try write(RelationshipFilter(resourceType: "document", relation: "owner")) == nil)
        #expect(try write(RelationshipFilter(resourceID: "e", relation: "owner")) == nil)
        #expect(try write(RelationshipFilter(resourceID: "e", relation: "viewer")) == .preconditionFailed)
    }

    @Test func whatADeletionTakesIsMadeInPieces() throws {
        var driver = driver()
        try importTuples(&driver, 0..<2 * Limits.readWork) { "document:d\($0)#viewer@user:ann" }
        func entry(_ command: ClientCommand) -> LogEntry {
            LogEntry(
                index: driver.machine.index.next,
                term: Term(1),
                timestamp: driver.machine.timestamp,
                kind: .command,
                payload: Proposal(origin: NodeID(1), request: 9, command: command).encode()
            )
        }
        func pieces(_ filter: RelationshipFilter) -> Int {
            let entry = entry(.delete(DeleteRequest(filter: filter)))
            return (1...).first { _ in driver.machine.prepare(entry) } ?? 0
        }
        #expect(pieces(RelationshipFilter(resourceID: "d1")) == 1)
        #expect(pieces(RelationshipFilter(subjectType: "user", subjectID: "ann")) == 1)
        func isReady(for precondition: RelationshipFilter) -> Bool {
            let update = TupleUpdate(.touch, CommandSamples.plain)
            let preconditions = [Precondition(.mustMatch, precondition)]
            let write = WriteRequest(updates: [update], preconditions: preconditions, metadata: CommandSamples.metadata)
            return driver.machine.prepare(entry(.write(write)))
        }
        #expect(isReady(for: Self.owners))
        #expect(!isReady(for: RelationshipFilter(resourceIDPrefix: "d")))
        #expect(pieces(Self.owners) == 2)
        #expect(pieces(Self.owners) == 1)
        #expect(isReady(for: RelationshipFilter(resourceIDPrefix: "d")))
    }

    @Test func aFilterOfAPermissionOrOfNothingIsRefused() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:ann")
        func delete(_ filter: RelationshipFilter) -> ErrorCode? {
            code(driver.apply(.delete(DeleteRequest(filter: filter))))
        }
        #expect(delete(RelationshipFilter(resourceType: "document", relation: "view")) == .cannotWritePermission)
        #expect(delete(RelationshipFilter(relation: "view")) == .cannotWritePermission)
        #expect(delete(RelationshipFilter(relation: "reader")) == .unknownRelation)
        #expect(delete(RelationshipFilter(resourceType: "document", relation: "reader")) == .unknownRelation)
        #expect(delete(RelationshipFilter(resourceID: "1", subjectRelation: .named("member"))) == .unknownRelation)
        #expect(delete(RelationshipFilter(resourceID: "1", subjectType: "team")) == .unknownDefinition)
        #expect(driver.machine.graph.tupleCount == 1)
        #expect(delete(RelationshipFilter(relation: "viewer")) == nil)
        #expect(driver.machine.graph.tupleCount == 0)
    }

    @Test func aWriteCountsWhatItChanged() throws {
        var driver = MachineDriver()
        driver.apply(
            .writeSchema(
                source: """
                    use expiration
                    definition user {}
                    caveat office(hour int) { hour < 18 }
                    definition document {
                        relation viewer: user | user with office | user with expiration
                    }
                    """
            ),
            time: 1_000
        )
        func write(_ operation: TupleUpdate.Operation, _ text: String, expiresAt: Int64? = nil) throws -> WriteCounts {
            var tuple = try RelationTuple(parsing: text)
            tuple.expiresAt = expiresAt.map { Timestamp(nanoseconds: $0) }
            let request = WriteRequest(updates: [TupleUpdate(operation, tuple)])
            guard case .success(.written(_, let counts))? = driver.apply(.write(request), time: 2_000) else {
                Issue.record("the write was refused")
                return WriteCounts()
            }
            return counts
        }
        let text = "document:1#viewer@user:ann"
        #expect(try write(.touch, text) == WriteCounts(created: 1))
        #expect(try write(.touch, text) == WriteCounts())
        #expect(try write(.touch, text + "[office]") == WriteCounts(touched: 1))
        #expect(try write(.touch, text, expiresAt: 2_000) == WriteCounts(deleted: 1))
        #expect(try write(.touch, text, expiresAt: 2_000) == WriteCounts())
        #expect(driver.machine.graph.tupleCount == 0)
        #expect(try write(.delete, text) == WriteCounts())
        #expect(try write(.create, text, expiresAt: 2_001) == WriteCounts(created: 1))
        #expect(try write(.delete, text) == WriteCounts(deleted: 1))
    }
}
