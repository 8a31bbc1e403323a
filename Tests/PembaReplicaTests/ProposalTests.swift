// Pemba: the bytes of commands in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaTestSupport
import Testing

@testable import PembaReplica

@Suite struct ProposalTests {
    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    private func write() -> WriteRequest {
        let tuple = RelationTuple(
            resource: ObjectReference(type: "doc", id: "1"),
            relation: "viewer",
            subject: SubjectReference(type: "group", id: "eng", relation: "member")
        )
        return WriteRequest(
            updates: [TupleUpdate(.create, tuple)],
            preconditions: [
                Precondition(.mustNotMatch, RelationshipFilter(resourceType: "doc", subjectRelation: .none)),
                Precondition(.mustMatch, RelationshipFilter(resourceIDPrefix: "x", subjectRelation: .named("member"))),
            ],
            idempotencyKey: IdempotencyKey(session: 300, sequence: 2, firstUnacknowledged: 1)
        )
    }

    @Test func openSessionHasTheseBytes() {
        let proposal = Proposal(origin: NodeID(3), request: 0x0102_0304_0506_0708, command: .openSession)
        #expect(hexadecimal(proposal.encode()) == "010300000000000000080706050403020101")
    }

    @Test func writeHasTheseBytes() {
        let proposal = Proposal(origin: NodeID(1), request: 1, command: .write(write()))
        let expected =
            "01" + "0100000000000000" + "0100000000000000" + "02" + "01" + "ac02" + "02" + "01"
            + "02" + "02" + "41" + "03646f63" + "01" + "84" + "0178" + "066d656d626572"
            + "01" + "01" + "03646f63" + "0131" + "06766965776572" + "0567726f7570" + "03656e67" + "066d656d626572"
            + "00"
        #expect(hexadecimal(proposal.encode()) == expected)
    }

    /// The payload of a command without what stands before its kind.
    private func bytes(_ command: ClientCommand) -> String {
        String(hexadecimal(Proposal(origin: NodeID(1), request: 1, command: command).encode()).dropFirst(34))
    }

    @Test func traitsAndMetadataHaveTheseBytes() {
        let expected =
            "02" + "02" + "077b2261223a317d" + "00" + "01" + "02" + "03646f63" + "0131" + "06766965776572"
            + "0475736572"
            + "0161" + "00" + "07" + "036e6574" + "077b2262223a327d" + "0500000000000000" + "feffffffffffffff"
        let write = WriteRequest(
            updates: [TupleUpdate(.touch, CommandSamples.flagged)],
            metadata: ContextObject([("a", .int(1))])
        )
        #expect(bytes(.write(write)) == expected)
    }

    @Test func deletionHasTheseBytes() {
        let delete = DeleteRequest(
            filter: RelationshipFilter(resourceType: "doc"),
            limit: 300,
            allowsPartial: true,
            idempotencyKey: IdempotencyKey(session: 5, sequence: 2, firstUnacknowledged: 1)
        )
        #expect(bytes(.delete(delete)) == "04" + "01" + "050201" + "00" + "01" + "03646f63" + "ac02" + "01")
    }

    @Test func setHasTheseBytes() {
        let set = SetRequest(
            resource: ObjectReference(type: "doc", id: "1"),
            relation: "viewer",
            tuples: [CommandSamples.flagged]
        )
        let expected =
            "05" + "00" + "00" + "03646f63" + "0131" + "06766965776572" + "01" + "0475736572" + "0161" + "00" + "07"
            + "036e6574" + "077b2262223a327d" + "0500000000000000" + "feffffffffffffff"
        #expect(bytes(.set(set)) == expected)
    }

    @Test func importWritesNamesOnce() throws {
        let tuples = try [
            "doc:1#viewer@user:a", "doc:1#viewer@user:b", "doc:2#editor@group:g#member", "doc:2#viewer@user:c",
        ].map { try RelationTuple(parsing: $0) }
        let expected =
            "06" + "00" + "02" + "04"
            + "00" + "03646f63" + "06766965776572" + "0475736572" + "00" + "00" + "0131" + "0161"
            + "00" + "08" + "0162"
            + "01" + "03646f63" + "06656469746f72" + "0567726f7570" + "066d656d626572" + "00" + "0132" + "0167"
            + "00" + "08" + "0163"
        #expect(bytes(.importTuples(ImportRequest(tuples: tuples, mode: .skip))) == expected)
    }

    @Test func advancingTheTimeHasTheseBytes() { #expect(bytes(.advanceTime) == "07") }

    @Test func auditHasTheseBytes() {
        let statement = AuditStatement(index: LogIndex(3), hash: 0x0102)
        #expect(bytes(.audit(statement)) == "08" + "0300000000000000" + "0201000000000000")
    }

    @Test func schemaHasTheseBytes() {
        let proposal = Proposal(origin: NodeID(1), request: 1, command: .writeSchema(source: "a"))
        #expect(hexadecimal(proposal.encode()) == "01010000000000000001000000000000000301" + "61")
    }

    @Test(arguments: CommandSamples.all) func everyCommandIsReadBack(_ command: ClientCommand) throws {
        let proposal = Proposal(origin: NodeID(7), request: 9, command: command)
        #expect(try Proposal(decoding: proposal.encode()) == proposal)
    }

    @Test func anotherRequestNumberChangesNothingElse() throws {
        let payload = Proposal(origin: NodeID(7), request: 0, command: .write(write())).encode()
        let read = try Proposal(decoding: Proposal.renumbered(payload, request: 77))
        #expect(read == Proposal(origin: NodeID(7), request: 77, command: .write(write())))
    }

    @Test(arguments: CommandSamples.all) func everyTruncationIsRefused(_ command: ClientCommand) {
        let payload = Proposal(origin: NodeID(7), request: 9, command: command).encode()
        for length in 0..<payload.count {
            #expect(throws: ByteError.self) { try Proposal(decoding: Array(payload[..<length])) }
        }
        #expect(throws: ByteError.trailingBytes(count: 1)) { try Proposal(decoding: payload + [0]) }
    }

    @Test func unknownVersionsAndKindsAreRefused() {
        var payload = Proposal(origin: NodeID(7), request: 9, command: .openSession).encode()
        payload[17] = 9
        #expect(throws: ByteError.invalidValue(field: "command kind", value: 9)) { try Proposal(decoding: payload) }
        payload[0] = 2
        #expect(throws: ByteError.invalidValue(field: "proposal version", value: 2)) { try Proposal(decoding: payload) }
    }

    @Test func damagedBytesNeverTrap() {
        for seed in Seeds(short: 2_000, full: 200_000) {
            var random = SeededRandom(seed: seed)
            let command = CommandSamples.all[random.below(CommandSamples.all.count)]
            let payload = Proposal(origin: NodeID(7), request: 9, command: command).encode()
            var damaged = payload
            for _ in 0...random.below(4) { damaged[random.below(damaged.count)] = UInt8(random.below(256)) }
            // Either outcome is right; reaching the next seed is the test.
            _ = try? Proposal(decoding: damaged)
        }
    }
}
