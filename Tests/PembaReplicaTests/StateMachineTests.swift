// Pemba: the replicated state machine.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import PembaCore
import PembaGraph
import PembaRaft
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaReplica

/// A state machine with a log of its own.
struct MachineDriver {
    let machine: StateMachine
    private(set) var log: [LogEntry] = []
    private var nextRequest: UInt64 = 1

    init(sessionLimits: SessionLimits = SessionLimits()) {
        machine = StateMachine(capacity: .small, hashSeed: 1, sessionLimits: sessionLimits)
    }

    static let schema = """
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition document {
            relation viewer: user | user:* | group#member
            permission view = viewer
        }
        """

    /// Applies a command as the next entry.
    @discardableResult
    mutating func apply(
        _ command: ClientCommand,
        time: Int64? = nil
    ) -> Result<CommandOutcome, ServiceError>? {
        nextRequest += 1
        let payload = Proposal(origin: NodeID(1), request: nextRequest, command: command).encode()
        return apply(payload: payload, kind: .command, time: time)
    }

    @discardableResult
    mutating func apply(
        payload: [UInt8],
        kind: LogEntry.Kind,
        time: Int64? = nil
    ) -> Result<CommandOutcome, ServiceError>? {
        let entry = LogEntry(
            index: machine.index.next,
            term: Term(1),
            timestamp: time.map { Timestamp(nanoseconds: $0) } ?? machine.timestamp,
            kind: kind,
            payload: payload
        )
        log.append(entry)
        return machine.apply(entry)?.result
    }

    /// Applies the configuration that every log begins with.
    mutating func applyMembers() {
        apply(payload: RaftConfiguration(voters: [NodeID(1)]).encoded, kind: .configuration)
    }

    /// Writes tuples given as text.
    @discardableResult
    mutating func write(
        _ operation: TupleUpdate.Operation,
        _ texts: String...,
        preconditions: [Precondition] = [],
        key: IdempotencyKey? = nil
    ) throws -> Result<CommandOutcome, ServiceError>? {
        let updates = try texts.map { TupleUpdate(operation, try RelationTuple(parsing: $0)) }
        return apply(.write(WriteRequest(updates: updates, preconditions: preconditions, idempotencyKey: key)))
    }

    /// All blocks of a snapshot of the state.
    func snapshot(blockBytes: Int = Limits.snapshotBlockBytes) -> [[UInt8]] {
        machine.beginSnapshot(blockBytes: blockBytes)
        var blocks: [[UInt8]] = []
        while let block = machine.nextSnapshotBlock() { blocks.append(block) }
        return blocks
    }

    /// A state made of the blocks of a snapshot.
    static func load(_ blocks: [[UInt8]], limits: SessionLimits = SessionLimits()) throws -> StateMachine {
        var loader = SnapshotLoader(capacity: .small, hashSeed: 2, sessionLimits: limits)
        for block in blocks { try block.withUnsafeBytes { try loader.load($0) } }
        return try loader.finish()
    }
}

@Suite struct StateMachineTests {
    private func code(_ result: Result<CommandOutcome, ServiceError>?) -> ErrorCode? {
        if case .failure(let error)? = result { return error.code }
        return nil
    }

    private func written(_ revision: UInt64, _ counts: WriteCounts) -> Result<CommandOutcome, ServiceError> {
        .success(.written(Revision(revision), counts))
    }

    private func driver() -> MachineDriver {
        var driver = MachineDriver()
        driver.apply(.writeSchema(source: MachineDriver.schema))
        return driver
    }

    @Test func everyErrorOfAWriteHasItsCode() throws {
        var driver = MachineDriver()
        #expect(code(try driver.write(.touch, "document:1#viewer@user:a")) == .noSchema)
        driver.apply(.writeSchema(source: MachineDriver.schema))
        #expect(code(try driver.write(.touch, "planet:1#viewer@user:a")) == .unknownDefinition)
        #expect(code(try driver.write(.touch, "document:1#owner@user:a")) == .unknownRelation)
        #expect(code(try driver.write(.touch, "document:1#view@user:a")) == .cannotWritePermission)
        #expect(code(try driver.write(.touch, "document:1#viewer@document:2")) == .subjectNotAllowed)
        #expect(code(try driver.write(.touch, "group:1#member@user:*")) == .subjectNotAllowed)
        #expect(
            code(try driver.write(.create, "document:1#viewer@user:a", "document:1#viewer@user:a")) == .duplicateUpdate
        )
        #expect(code(driver.apply(.write(WriteRequest(updates: [])))) == .invalidArgument)
        #expect(driver.machine.graph.tupleCount == 0)
    }

    /// Which of two schemas is in force is what counts, not whether it was compiled for it.
    @Test func aSchemaThatIsInForceCanBeWrittenAgain() throws {
        var (again, once) = (driver(), driver())
        #expect(try again.write(.touch, "document:1#viewer@user:a") == once.write(.touch, "document:1#viewer@user:a"))
        #expect(again.apply(.writeSchema(source: MachineDriver.schema)) == .success(.schemaWritten(Revision(3))))
        once.apply(.advanceTime)
        #expect(again.machine.stateHash == once.machine.stateHash)
        let other = MachineDriver.schema + "\ndefinition planet {\nrelation owner: user\n}"
        #expect(again.apply(.writeSchema(source: other)) == .success(.schemaWritten(Revision(4))))
        #expect(try again.write(.touch, "planet:1#owner@user:a") == written(5, WriteCounts(created: 1)))
    }

    @Test func anErrorNamesTheTypesThatAreAdmitted() throws {
        var driver = driver()
        guard case .failure(let error)? = try driver.write(.touch, "document:1#viewer@document:2") else {
            Issue.record("the write was accepted")
            return
        }
        #expect(error.detail("allowed") == "user, user:*, group#member")
        #expect(error.detail("tuple") == "document:1#viewer@document:2")
    }

    @Test func creatingWhatIsThereFailsAsAWhole() throws {
        var driver = driver()
        #expect(try driver.write(.create, "document:1#viewer@user:a") == written(2, WriteCounts(created: 1)))
        #expect(
            code(try driver.write(.create, "document:1#viewer@user:b", "document:1#viewer@user:a")) == .alreadyExists
        )
        #expect(driver.machine.graph.tupleCount == 1)
        #expect(try driver.write(.touch, "document:1#viewer@user:a") == written(4, WriteCounts()))
        #expect(try driver.write(.delete, "document:1#viewer@user:a") == written(5, WriteCounts(deleted: 1)))
        #expect(try driver.write(.delete, "document:1#viewer@user:a") == written(6, WriteCounts()))
        #expect(driver.machine.graph.tupleCount == 0)
    }

    @Test func preconditionsDecide() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:a")
        let there = RelationshipFilter(resourceType: "document", resourceID: "1")
        let gone = RelationshipFilter(resourceType: "document", resourceID: "2")
        func write(_ precondition: Precondition) throws -> ErrorCode? {
            code(try driver.write(.touch, "document:1#viewer@user:b", preconditions: [precondition]))
        }
        #expect(try write(Precondition(.mustMatch, gone)) == .preconditionFailed)
        #expect(try write(Precondition(.mustNotMatch, there)) == .preconditionFailed)
        #expect(driver.machine.graph.tupleCount == 1)
        #expect(try write(Precondition(.mustMatch, there)) == nil)
        #expect(try write(Precondition(.mustNotMatch, gone)) == nil)
        #expect(try write(Precondition(.mustMatch, RelationshipFilter(resourceType: "planet"))) == .unknownDefinition)
        #expect(try write(Precondition(.mustMatch, RelationshipFilter())) == .invalidArgument)
    }

    @Test func unknownNamesComeBeforePreconditionsAndTheseBeforeExistence() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:a")
        let fails = Precondition(.mustMatch, RelationshipFilter(resourceType: "group"))
        #expect(code(try driver.write(.create, "document:1#owner@user:a", preconditions: [fails])) == .unknownRelation)
        #expect(
            code(try driver.write(.create, "document:1#viewer@user:a", preconditions: [fails])) == .preconditionFailed
        )
    }

    @Test func aSchemaWithErrorsChangesNothingAndEveryErrorIsNamed() throws {
        var driver = driver()
        let result = driver.apply(.writeSchema(source: "definition a_b { relation one: nothing relation two: nobody }"))
        guard case .failure(let error)? = result else {
            Issue.record("the schema was accepted")
            return
        }
        #expect(error.code == .invalidSchema)
        #expect(error.details.count { $0.name == "diagnostic" } == 2)
        #expect(error.detail("line") == "1" && error.detail("column") == "32")
        #expect(driver.machine.schema?.source == MachineDriver.schema)
    }

    @Test func aSchemaMayNotStrandTuples() throws {
        var driver = driver()
        try driver.write(.touch, "document:1#viewer@user:*")
        let narrower = MachineDriver.schema.replacing(" | user:*", with: "")
        guard case .failure(let error)? = driver.apply(.writeSchema(source: narrower)) else {
            Issue.record("the schema was accepted")
            return
        }
        #expect(error.code == .schemaWouldOrphan)
        #expect(error.detail("tuple") == "document:1#viewer@user:*")
        try driver.write(.delete, "document:1#viewer@user:*")
        #expect(driver.apply(.writeSchema(source: narrower)) == .success(.schemaWritten(driver.machine.revision)))
    }

    @Test func aWriteWithAKeyIsDoneOnce() throws {
        var driver = driver()
        #expect(driver.apply(.openSession) == .success(.sessionOpened(2)))
        let key = IdempotencyKey(session: 2, sequence: 1, firstUnacknowledged: 1)
        let first = try driver.write(.create, "document:1#viewer@user:a", key: key)
        #expect(first == written(3, WriteCounts(created: 1)))
        #expect(try driver.write(.create, "document:1#viewer@user:a", key: key) == first)
        let next = IdempotencyKey(session: 2, sequence: 2, firstUnacknowledged: 1)
        let refused = try driver.write(.create, "document:1#viewer@user:a", key: next)
        #expect(code(refused) == .alreadyExists)
        try driver.write(.delete, "document:1#viewer@user:a")
        #expect(try driver.write(.create, "document:1#viewer@user:a", key: next) == refused)
        let unknown = IdempotencyKey(session: 77, sequence: 1, firstUnacknowledged: 1)
        #expect(code(try driver.write(.touch, "document:1#viewer@user:a", key: unknown)) == .unknownSession)
        #expect(driver.machine.graph.tupleCount == 0)
    }

    @Test func aKeyOfAnotherKindOfWriteIsRefused() throws {
        var driver = driver()
        driver.apply(.openSession)
        let key = IdempotencyKey(session: 2, sequence: 1, firstUnacknowledged: 1)
        #expect(try driver.write(.touch, "document:1#viewer@user:a", key: key) == written(3, WriteCounts(created: 1)))
        let delete = DeleteRequest(filter: RelationshipFilter(resourceType: "document"), idempotencyKey: key)
        let answer = driver.apply(.delete(delete))
        #expect(code(answer) == .invalidArgument)
        #expect(driver.machine.graph.tupleCount == 1)
    }

    @Test func sessionsEndByTheLogsTime() throws {
        var driver = driver()
        driver.apply(.openSession, time: 1_000)
        driver.apply(payload: [], kind: .noop, time: 1_000 + 3_600_000_000_000)
        #expect(driver.machine.sessions.count == 1)
        driver.apply(payload: [], kind: .noop, time: 1_001 + 3_600_000_000_000)
        #expect(driver.machine.sessions.count == 0)
    }

    @Test func anUnknownCommandStopsTheNode() async {
        await #expect(processExitsWith: .failure) {
            // The trap is what is expected: a backtrace of it, which `swift test` asks for, would read the symbols of this
            // whole program for up to a minute of the machine that other tests wait for.
            signal(SIGILL, SIG_DFL)
            signal(SIGTRAP, SIG_DFL)
            var driver = MachineDriver()
            driver.apply(payload: [9], kind: .command)
        }
    }

    @Test func equalLogsGiveEqualStates() throws {
        var driver = MachineDriver()
        try fill(&driver, seed: 1, commands: 200)
        let other = StateMachine(capacity: .small, hashSeed: 99)
        for entry in driver.log { _ = other.apply(entry) }
        #expect(other.stateHash == driver.machine.stateHash)
        driver.apply(payload: [], kind: .noop)
        #expect(other.stateHash != driver.machine.stateHash)
    }

    @Test func aSnapshotIsTheStateWhenItBegan() throws {
        for seed in Seeds(short: 8, full: 500) {
            var driver = MachineDriver()
            try fill(&driver, seed: seed, commands: 120)
            let (hash, point) = (driver.machine.stateHash, driver.machine.point)
            var random = SeededRandom(seed: seed)
            driver.machine.beginSnapshot()
            var blocks: [[UInt8]] = []
            while let block = driver.machine.nextSnapshotBlock() {
                blocks.append(block)
                try fill(&driver, seed: random.next(), commands: 20)
            }
            let copy = try MachineDriver.load(blocks)
            #expect(copy.stateHash == hash, "\(Seeds.replay(seed, "StateMachineTests"))")
            #expect(copy.point == point, "\(Seeds.replay(seed, "StateMachineTests"))")
            // What was applied since gives the same state on both.
            for entry in driver.log where entry.index > point.index { _ = copy.apply(entry) }
            #expect(copy.stateHash == driver.machine.stateHash, "\(Seeds.replay(seed, "StateMachineTests"))")
        }
    }

    @Test func aLongSchemaAndManySessionsTakeSeveralBlocks() throws {
        var driver = MachineDriver()
        driver.applyMembers()
        let padding = String(repeating: "// a comment that makes the schema long\n", count: 10_000)
        driver.apply(.writeSchema(source: MachineDriver.schema + "\n" + padding))
        let long = String(repeating: "n", count: 60)
        for session in 3..<1_200 as Range<UInt64> {
            driver.apply(.openSession)
            if session % 2 == 0 {
                let session = driver.machine.index.rawValue
                let key = IdempotencyKey(session: session, sequence: 1, firstUnacknowledged: 1)
                try driver.write(.touch, "\(long):1#viewer@user:a", key: key)
            }
        }
        let blocks = driver.snapshot()
        #expect(blocks.allSatisfy { $0.count <= Limits.snapshotBlockBytes })
        #expect(blocks.count > 3)
        #expect(try MachineDriver.load(blocks).stateHash == driver.machine.stateHash)
    }

    /// Whatever a node takes for the size of a block, any other can load it.
    @Test func blocksOfAnySizeMakeTheSameState() throws {
        for seed in Seeds(short: 8, full: 500) {
            var driver = MachineDriver()
            try fill(&driver, seed: seed, commands: 60)
            var random = SeededRandom(seed: seed)
            let replay = "\(Seeds.replay(seed, "StateMachineTests"))"
            let large = driver.snapshot()
            for size in [2, 100 + random.below(500), 1_000 + random.below(200_000)] {
                let blocks = driver.snapshot(blockBytes: size)
                #expect(try MachineDriver.load(blocks).stateHash == driver.machine.stateHash, "\(replay)")
                #expect(blocks.count >= large.count && blocks.allSatisfy { !$0.isEmpty }, "\(replay)")
                if size == 2 { #expect(blocks.count > 20, "\(blocks.count), \(replay)") }
            }
        }
    }

    @Test func aBlockThatIsTooLongIsRefused() {
        let block = [UInt8](repeating: 2, count: Limits.snapshotBlockBytes + 1)
        let error = SnapshotError.undecodable(.exceedsLimit(value: 262_145, limit: 262_144))
        #expect(throws: error) { try MachineDriver.load([block]) }
    }

    @Test func aDamagedSnapshotIsRefused() throws {
        var driver = MachineDriver()
        try fill(&driver, seed: 3, commands: 60)
        let blocks = driver.snapshot()
        #expect(throws: SnapshotError.self) { try MachineDriver.load([]) }
        #expect(throws: SnapshotError.self) { try MachineDriver.load(Array(blocks.dropLast())) }
        #expect(throws: SnapshotError.self) { try MachineDriver.load(blocks + [[99]]) }
        #expect(throws: SnapshotError.self) { try MachineDriver.load([blocks[0]] + blocks) }
        for seed in Seeds(short: 300, full: 20_000) {
            var random = SeededRandom(seed: seed)
            var damaged = blocks
            let block = 1 + random.below(blocks.count - 1)
            damaged[block][random.below(blocks[block].count)] ^= UInt8(1 << random.below(8))
            // Where a flip changes what is read at all, the hashes or the rules must notice it.
            if let machine = try? MachineDriver.load(damaged) {
                #expect(machine.stateHash == driver.machine.stateHash, "\(Seeds.replay(seed, "StateMachineTests"))")
            }
        }
    }

    /// Applies random commands.
    private func fill(_ driver: inout MachineDriver, seed: UInt64, commands: Int) throws {
        var random = SeededRandom(seed: seed)
        if driver.machine.schema == nil {
            driver.applyMembers()
            driver.apply(.writeSchema(source: MachineDriver.schema))
        }
        for _ in 0..<commands {
            let id = random.below(20)
            let key = IdempotencyKey(
                session: 2 + random.below(driver.machine.index.rawValue),
                sequence: 1 + random.below(UInt64(5)),
                firstUnacknowledged: 1
            )
            switch random.below(8) {
            case 0: driver.apply(.openSession, time: driver.machine.timestamp.nanoseconds + 1_000)
            case 1: try driver.write(.delete, "document:d\(id)#viewer@user:u\(random.below(4))")
            case 2: try driver.write(.create, "document:d\(id)#viewer@group:g\(random.below(4))#member", key: key)
            case 3: try driver.write(.touch, "group:g\(random.below(4))#member@user:u\(id)", key: key)
            case 4: driver.apply(payload: [], kind: .noop)
            default: try driver.write(.touch, "document:d\(id)#viewer@user:u\(random.below(4))")
            }
        }
    }
}
