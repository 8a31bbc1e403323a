// Pemba: ids that a schema does not admit.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import Testing

@testable import PembaReplica

/// `use spicedb_ids`: what a cluster takes whose ids must be SpiceDB's.
@Suite struct IDRuleTests {
    private static let strict = "use spicedb_ids\n" + MachineDriver.schema

    private func driver(_ schema: String) -> MachineDriver {
        var driver = MachineDriver()
        driver.applyMembers()
        driver.apply(.writeSchema(source: schema))
        return driver
    }

    private func error(_ result: Result<CommandOutcome, ServiceError>?) -> ServiceError? {
        if case .failure(let error)? = result { return error }
        return nil
    }

    /// Every character that SpiceDB takes, and the wildcard.
    @Test(arguments: ["azAZ09", "a/b", "_", "|", "-", "=", "a+b", "*"])
    func idsOfSpiceDBAreTaken(id: String) throws {
        var driver = driver(Self.strict)
        #expect(error(try driver.write(.create, "document:1#viewer@user:\(id)")) == nil)
    }

    @Test(arguments: ["josé", "a b", "a.b", "a@b", "a:b", "**", "a*", "é"])
    func otherIDsAreRefusedEverywhere(id: String) throws {
        var driver = driver(Self.strict)
        let tuples = [
            RelationTuple(
                resource: ObjectReference(type: "document", id: id),
                relation: "viewer",
                subject: SubjectReference(type: "user", id: "a")
            ),
            RelationTuple(
                resource: ObjectReference(type: "document", id: "1"),
                relation: "viewer",
                subject: SubjectReference(type: "user", id: id)
            ),
        ]
        for tuple in tuples {
            let commands: [ClientCommand] = [
                .write(WriteRequest(updates: [TupleUpdate(.create, tuple)])),
                .write(WriteRequest(updates: [TupleUpdate(.touch, tuple)])),
                .write(WriteRequest(updates: [TupleUpdate(.delete, tuple)])),
                .set(SetRequest(resource: tuple.resource, relation: tuple.relation, tuples: [tuple])),
                .importTuples(ImportRequest(tuples: [tuple], mode: .skip)),
            ]
            for command in commands {
                let error = error(driver.apply(command))
                #expect(error?.code == .invalidArgument)
                #expect(error?.message.contains("use spicedb_ids") == true)
            }
            #expect(throws: GraphError.self) { try driver.machine.graph.validate(tuple) }
        }
        #expect(driver.machine.graph.tupleCount == 0)
        // Without the flag they are ids like others.
        driver.apply(.writeSchema(source: MachineDriver.schema))
        #expect(error(driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .fail)))) == nil)
    }

    /// A schema cannot demand what stored relationships do not keep; which one it names is the same on every node.
    @Test func theFlagIsRefusedOverOtherIDs() throws {
        var driver = driver(MachineDriver.schema)
        try driver.write(
            .create,
            "document:1#viewer@user:a",
            "document:2#viewer@user:zoë",
            "document:2#viewer@user:josé",
            "group:für#member@user:a"
        )
        let restored = try MachineDriver.load(driver.snapshot())
        let known = driver.log.count
        let refused = try #require(error(driver.apply(.writeSchema(source: Self.strict))))
        #expect(refused.code == .schemaWouldOrphan)
        #expect(refused.detail("tuple") == "document:2#viewer@user:josé")
        for entry in driver.log[known...] {
            #expect(error(restored.apply(entry)?.result) == refused)
        }
        try driver.write(.delete, "document:2#viewer@user:zoë", "document:2#viewer@user:josé")
        let other = try #require(error(driver.apply(.writeSchema(source: Self.strict))))
        #expect(other.detail("tuple") == "group:für#member@user:a")
        // What only the history knows is no hindrance.
        try driver.write(.delete, "group:für#member@user:a")
        #expect(error(driver.apply(.writeSchema(source: Self.strict))) == nil)
    }

    @Test func aSnapshotKeepsTheRule() throws {
        var driver = driver(Self.strict)
        try driver.write(.create, "document:1#viewer@user:a")
        let restored = try MachineDriver.load(driver.snapshot())
        #expect(restored.stateHash == driver.machine.stateHash)
        let known = driver.log.count
        try driver.write(.create, "document:1#viewer@user:josé")
        for entry in driver.log[known...] { #expect(error(restored.apply(entry)?.result)?.code == .invalidArgument) }
    }
}
