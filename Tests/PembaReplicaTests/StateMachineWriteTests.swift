// Pemba: deletions, sets, imports, times and the past in the state machine.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import Testing

@testable import PembaReplica

@Suite struct StateMachineWriteTests {
    private static let schema = """
        use expiration
        definition user {}
        caveat office(hour int) { hour >= 8 && hour < 18 }
        definition document {
            relation viewer: user | user with office | user with expiration
            relation owner: user
            permission view = viewer + owner
        }
        """

    private func driver() -> MachineDriver {
        var driver = MachineDriver()
        driver.apply(.writeSchema(source: Self.schema), time: 1_000)
        return driver
    }

    private func code(_ result: Result<CommandOutcome, ServiceError>?) -> ErrorCode? {
        if case .failure(let error)? = result { return error.code }
        return nil
    }

    /// Which tuple of the request an error is about.
    private func position(_ result: Result<CommandOutcome, ServiceError>?) -> Int? {
        if case .failure(let error)? = result { return error.position }
        return nil
    }

    /// Whoever sent many tuples is told which of them was refused, whatever refused it.
    @Test(arguments: [
        ("document:1#viewer@robot:a", ErrorCode.unknownDefinition),
        ("document:1#viewer@document:a", .subjectNotAllowed),
        ("document:1#reader@user:a", .unknownRelation), ("document:1#view@user:a", .cannotWritePermission),
        ("document:1#viewer@user:a[night]", .unknownCaveat),
        ("document:1#viewer@user:a[office:{\"hour\":\"x\"}]", .invalidContext),
        ("document:there#viewer@user:a", .alreadyExists),
    ])
    func anErrorNamesItsTuple(text: String, expected: ErrorCode) throws {
        var driver = driver()
        try driver.write(.touch, "document:there#viewer@user:a")
        let tuples = try [
            "document:1#viewer@user:x", "document:2#viewer@user:x[office]", text, "document:3#viewer@user:x",
        ]
        .map { try RelationTuple(parsing: $0) }
        let written = driver.apply(.write(WriteRequest(updates: tuples.map { TupleUpdate(.create, $0) })))
        #expect(code(written) == expected)
        #expect(position(written) == 2)
        let imported = driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .fail)))
        #expect(code(imported) == expected)
        #expect(position(imported) == 2)
        #expect(driver.machine.graph.tupleCount == 1)
    }

    @Test func anErrorAboutASetOrARepetitionNamesItsTuple() throws {
        var driver = driver()
        let tuples = try ["document:1#viewer@user:a", "document:1#viewer@user:b", "document:1#viewer@user:a[office]"]
            .map { try RelationTuple(parsing: $0) }
        #expect(position(driver.apply(.write(WriteRequest(updates: tuples.map { TupleUpdate(.touch, $0) })))) == 2)
        let plan = ObjectReference(type: "document", id: "1")
        let twice = SetRequest(resource: plan, relation: "viewer", tuples: tuples)
        #expect(position(driver.apply(.set(twice))) == 2)
        let refused = try RelationTuple(parsing: "document:1#viewer@document:2")
        #expect(position(driver.apply(.set(SetRequest(resource: plan, relation: "viewer", tuples: [refused])))) == 0)
        // What is about the whole names none.
        let absent = Precondition(.mustMatch, RelationshipFilter(resourceType: "document", relation: "owner"))
        let update = TupleUpdate(.touch, tuples[0])
        let unmet = driver.apply(.write(WriteRequest(updates: [update], preconditions: [absent])))
        #expect(code(unmet) == .preconditionFailed && position(unmet) == nil)
    }

    private func tuples(_ driver: MachineDriver) -> [String] {
        guard case .page(let tuples, _) = driver.machine.graph.read(RelationshipFilter(), limit: 100) else { return [] }
        return tuples.map(\.description)
    }

    @Test func aDeletionTakesEverythingOrTheFirstOrNothing() throws {
        var driver = driver()
        try driver.write(
            .touch,
            "document:1#viewer@user:a",
            "document:1#viewer@user:b",
            "document:2#viewer@user:a",
            "document:2#owner@user:a"
        )
        let filter = RelationshipFilter(resourceType: "document", relation: "viewer")
        #expect(code(driver.apply(.delete(DeleteRequest(filter: filter, limit: 2)))) == .tooManyMatches)
        #expect(driver.machine.graph.tupleCount == 4)
        let part = driver.apply(.delete(DeleteRequest(filter: filter, limit: 2, allowsPartial: true)))
        #expect(
            part
                == .success(
                    .deleted(
                        driver.machine.revision,
                        count: 2,
                        next: try RelationTuple(parsing: "document:1#viewer@user:b")
                    )
                )
        )
        #expect(tuples(driver) == ["document:2#owner@user:a", "document:2#viewer@user:a"])
        let rest = driver.apply(.delete(DeleteRequest(filter: filter)))
        #expect(rest == .success(.deleted(driver.machine.revision, count: 1, next: nil)))
        let unknown = RelationshipFilter(resourceType: "folder")
        #expect(code(driver.apply(.delete(DeleteRequest(filter: unknown)))) == .unknownDefinition)
        #expect(code(driver.apply(.delete(DeleteRequest(filter: RelationshipFilter())))) == .invalidArgument)
    }

    @Test func aSetSaysWhatItChanged() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:a", "document:1#viewer@user:b", "document:1#owner@user:z")
        let wanted = try ["document:1#viewer@user:b[office]", "document:1#viewer@user:c"].map {
            try RelationTuple(parsing: $0)
        }
        let request = SetRequest(
            resource: ObjectReference(type: "document", id: "1"),
            relation: "viewer",
            tuples: wanted
        )
        guard case .success(.set(_, let counts, let changes))? = driver.apply(.set(request)) else {
            Issue.record("the set was refused")
            return
        }
        #expect(counts == WriteCounts(created: 1, touched: 1, deleted: 1))
        #expect(changes.map(\.operation) == [.delete, .touch, .create])
        #expect(
            tuples(driver) == [
                "document:1#owner@user:z", "document:1#viewer@user:b[office]", "document:1#viewer@user:c",
            ]
        )
        guard case .success(.set(_, let again, _))? = driver.apply(.set(request)) else {
            Issue.record("the second set was refused")
            return
        }
        #expect(again.total == 0)
    }

    @Test func anImportTouchesSkipsOrFails() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:a")
        func tuples() throws -> [RelationTuple] {
            try ["document:1#viewer@user:a[office]", "document:2#viewer@user:a"].map {
                try RelationTuple(parsing: $0)
            }
        }
        #expect(code(driver.apply(.importTuples(ImportRequest(tuples: try tuples(), mode: .fail)))) == .alreadyExists)
        #expect(driver.machine.graph.tupleCount == 1)
        let skipped = driver.apply(.importTuples(ImportRequest(tuples: try tuples(), mode: .skip)))
        #expect(skipped == .success(.imported(driver.machine.revision, created: 1, existing: 1)))
        #expect(self.tuples(driver) == ["document:1#viewer@user:a", "document:2#viewer@user:a"])
        let touched = driver.apply(.importTuples(ImportRequest(tuples: try tuples(), mode: .touch)))
        #expect(touched == .success(.imported(driver.machine.revision, created: 0, existing: 2)))
        #expect(self.tuples(driver).first == "document:1#viewer@user:a[office]")
    }

    /// An expired tuple is gone for everybody from the first entry of its time on, and may be created anew.
    @Test func timeTakesTuplesAway() throws {
        var driver = driver()
        var tuple = try RelationTuple(parsing: "document:1#viewer@user:a")
        tuple.expiresAt = Timestamp(nanoseconds: 5_000)
        driver.apply(.write(WriteRequest(updates: [TupleUpdate(.create, tuple)])), time: 2_000)
        let item = CheckItem(
            resource: tuple.resource,
            permission: "view",
            subject: tuple.subject
        )
        #expect(try driver.machine.graph.check(item) == .has)
        #expect(driver.machine.graph.nextDue == Timestamp(nanoseconds: 5_000))
        let before = driver.machine.revision
        #expect(driver.apply(.advanceTime, time: 5_000) == nil)
        #expect(try driver.machine.graph.check(item) == .hasNot)
        #expect(driver.machine.graph.tupleCount == 0)
        #expect(driver.machine.graph.nextDue == nil)
        #expect(try driver.machine.graph.check(item, in: driver.machine.graph.basis(at: before)) == .has)
        tuple.expiresAt = Timestamp(nanoseconds: 9_000)
        let again = driver.apply(.write(WriteRequest(updates: [TupleUpdate(.create, tuple)])), time: 6_000)
        #expect(again == .success(.written(driver.machine.revision, WriteCounts(created: 1))))
        var place = HistoryPlace(after: before)
        guard case .changes(_, _, let changes, _, _)? = try driver.machine.graph.nextItem(after: &place, limit: 10)
        else {
            Issue.record("there is no change after the first write")
            return
        }
        #expect(changes.map(\.kind) == [.expired])
    }

    /// More tuples than one entry takes out expire at the same time: none is seen, and every node takes the same first.
    @Test func manyExpireAtOnce() throws {
        var driver = driver()
        for part in 0..<3 {
            let updates = try (0..<900).map { number in
                var tuple = try RelationTuple(parsing: "document:\(part)-\(number)#viewer@user:a")
                tuple.expiresAt = Timestamp(nanoseconds: 5_000)
                return TupleUpdate(.create, tuple)
            }
            driver.apply(.write(WriteRequest(updates: updates)), time: 2_000)
        }
        let other = StateMachine(capacity: .small, hashSeed: 77)
        driver.apply(.advanceTime, time: 6_000)
        #expect(driver.machine.graph.tupleCount == 1_700)
        #expect(tuples(driver).isEmpty)
        for entry in driver.log { _ = other.apply(entry) }
        #expect(other.stateHash == driver.machine.stateHash)
        driver.apply(.advanceTime, time: 6_001)
        driver.apply(.advanceTime, time: 6_002)
        #expect(driver.machine.graph.tupleCount == 0)
    }

    @Test func metadataReachesTheHistory() throws {
        var driver = driver()
        let before = driver.machine.revision
        let metadata = try ContextObject(parsing: #"{"ticket":"T-1"}"#)
        let update = TupleUpdate(.create, try RelationTuple(parsing: "document:1#viewer@user:a"))
        driver.apply(.write(WriteRequest(updates: [update], metadata: metadata)))
        var place = HistoryPlace(after: before)
        let item = try driver.machine.graph.nextItem(after: &place, limit: 10)
        guard case .changes(_, _, _, let noted, true)? = item else {
            Issue.record("there is no change after the write")
            return
        }
        #expect(noted == metadata)
    }

    @Test func aSnapshotKeepsConditionsAndTimes() throws {
        var driver = MachineDriver()
        driver.applyMembers()
        driver.apply(.writeSchema(source: Self.schema), time: 1_000)
        try driver.write(.touch, "document:1#viewer@user:a[office:{\"hour\":9}]", "document:2#viewer@user:b")
        var tuple = try RelationTuple(parsing: "document:3#viewer@user:c")
        tuple.expiresAt = Timestamp(nanoseconds: 5_000)
        tuple.notBefore = Timestamp(nanoseconds: 3_000)
        driver.apply(.write(WriteRequest(updates: [TupleUpdate(.create, tuple)])))
        let loaded = try MachineDriver.load(driver.snapshot())
        #expect(loaded.stateHash == driver.machine.stateHash)
        #expect(loaded.graph.stored(tuple) == tuple)
        #expect(loaded.graph.nextDue == Timestamp(nanoseconds: 3_000))
        #expect(loaded.graph.oldestRevision == driver.machine.revision)
    }

    /// What is collected follows from what is stored, not from how a node came by it.
    @Test func aRestoredNodeCollectsTheSameTuples() throws {
        var driver = MachineDriver()
        driver.applyMembers()
        driver.apply(.writeSchema(source: Self.schema), time: 1_000)
        for part in 0..<2 {
            let updates = try (0..<900).map { number in
                var tuple = try RelationTuple(parsing: "document:\(part)-\(number)#viewer@user:a")
                tuple.notBefore = Timestamp(nanoseconds: 2_000)
                tuple.expiresAt = Timestamp(nanoseconds: 5_000)
                return TupleUpdate(.create, tuple)
            }
            driver.apply(.write(WriteRequest(updates: updates)), time: 1_500)
        }
        driver.apply(.advanceTime, time: 3_000)
        let restored = try MachineDriver.load(driver.snapshot())
        let known = driver.log.count
        driver.apply(.advanceTime, time: 6_000)
        for entry in driver.log[known...] { _ = restored.apply(entry) }
        #expect(driver.machine.graph.tupleCount == 800)
        #expect(restored.stateHash == driver.machine.stateHash)
    }

    /// A row with more changes than are taken back one by one.
    @Test func aLongRowOfThePastIsMadeAtOnce() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:0", "document:1#viewer@user:old[office]")
        let before = driver.machine.revision
        for part in 0..<3 {
            let tuples = try (0..<400).map { try RelationTuple(parsing: "document:1#viewer@user:\(part * 400 + $0)") }
            driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .touch)))
        }
        try driver.write(.delete, "document:1#viewer@user:old", "document:1#viewer@user:0")
        let graph = driver.machine.graph
        let past = try graph.basis(at: before)
        guard case .page(let tuples, nil) = graph.read(RelationshipFilter(), in: past, limit: 100) else {
            Issue.record("the past has more than one page")
            return
        }
        #expect(
            tuples.map(\.description) == ["document:1#viewer@user:0", "document:1#viewer@user:old[office]"]
        )
        func check(_ subject: String, in basis: Basis) throws -> Decision {
            let subject = SubjectReference(type: "user", id: subject)
            let resource = ObjectReference(type: "document", id: "1")
            return try graph.check(CheckItem(resource: resource, permission: "view", subject: subject), in: basis)
        }
        #expect(try check("0", in: past) == .has)
        #expect(try check("7", in: past) == .hasNot)
        #expect(try check("7", in: graph.presentBasis) == .has)
        #expect(try check("0", in: graph.presentBasis) == .hasNot)
    }

    /// A set that would go through more than a write may is refused.
    @Test func aSetOfAHugeRelationIsRefused() throws {
        var driver = driver()
        for part in 0..<11 {
            let tuples = try (0..<10_000).map {
                try RelationTuple(parsing: "document:1#viewer@user:\(part * 10_000 + $0)")
            }
            driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .touch)))
        }
        let request = SetRequest(
            resource: ObjectReference(type: "document", id: "1"),
            relation: "viewer",
            tuples: []
        )
        #expect(code(driver.apply(.set(request))) == .tooManyMatches)
        #expect(driver.machine.graph.tupleCount == 110_000)
    }
}
