// Pemba: one sample of every message, whose bytes `docs/protocol.md` shows.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaService
import PembaWire

/// A named frame with its bytes.
struct Sample: CustomStringConvertible {
    let name: String
    let bytes: [UInt8]

    init(_ name: String, _ type: FrameType, correlation: UInt64 = 7, _ body: (inout ByteWriter) -> Void) {
        self.name = name
        var output = ByteWriter()
        FrameWriter.frame(type: type, correlation: correlation, into: &output, body)
        bytes = output.bytes
    }

    init(_ name: String, raft body: RaftMessage.Body) {
        self.init(
            "raft \(name)",
            peer: .raft(RaftMessage(from: NodeID(1), to: NodeID(2), term: Term(5), body: body))
        )
    }

    init(_ name: String, peer message: PeerMessage) {
        self.init(name, .peer, correlation: 0) { message.encode(into: &$0) }
    }

    var type: FrameType? { bytes.withUnsafeBytes { FrameType(rawValue: $0[4]) } }
    var payload: [UInt8] { Array(bytes.dropFirst(FrameHeader.size)) }
    var description: String { name }
}

enum Samples {
    static let cluster = ClusterID(high: 0x0011_2233_4455_6677, low: 0x8899_AABB_CCDD_EEFF)
    static let zookie = Zookie(cluster: cluster, epoch: .first, revision: Revision(42))
    static let check = CheckItem(
        resource: ObjectReference(type: "document", id: "plan"),
        permission: "view",
        subject: SubjectReference(type: "user", id: "alice")
    )
    static let groupCheck = CheckItem(
        resource: ObjectReference(type: "document", id: "plan"),
        permission: "view",
        subject: SubjectReference(type: "group", id: "eng", relation: "member")
    )
    static let tuple = RelationTuple(
        resource: ObjectReference(type: "document", id: "plan"),
        relation: "viewer",
        subject: SubjectReference(type: "group", id: "eng", relation: "member")
    )
    static let context = ContextObject([("ip", .string("10.0.0.1"))])
    static let caveated = RelationTuple(
        resource: ObjectReference(type: "document", id: "plan"),
        relation: "viewer",
        subject: SubjectReference(type: "user", id: "bob"),
        caveat: CaveatReference(name: "net", context: ContextObject([("cidr", .string("10.0.0.0/8"))]))
    )
    static let expiring = RelationTuple(
        resource: ObjectReference(type: "document", id: "plan"),
        relation: "viewer",
        subject: SubjectReference(type: "user", id: "*"),
        caveat: CaveatReference(name: "net"),
        expiresAt: Timestamp(nanoseconds: 0x0807_0605_0403_0201),
        notBefore: Timestamp(nanoseconds: -2)
    )
    static let contextCheck: CheckItem = {
        var item = check
        item.context = context
        return item
    }()
    static let missing = Decision(.conditional, missingContext: ["ip"])
    static let filter = RelationshipFilter(resourceType: "document", resourceIDPrefix: "pl", subjectRelation: .none)
    static let error = ServiceError(
        .revisionNotReached,
        "revision 50 is not reached",
        details: [ServiceError.Detail("revision", "42")]
    )
    static let preconditions = [
        Precondition(.mustNotMatch, RelationshipFilter(resourceType: "document", resourceID: "plan"))
    ]
    static let write = WriteRequest(
        updates: [TupleUpdate(.create, tuple)],
        preconditions: preconditions,
        idempotencyKey: IdempotencyKey(session: 17, sequence: 3, firstUnacknowledged: 2)
    )
    static let read = ReadRequest(consistency: .minimizeLatency, filter: filter, limit: 100)
    static let nextRead = ReadRequest(
        consistency: .minimizeLatency,
        filter: filter,
        cursor: ReadCursor(last: tuple, filterChecksum: ReadCursor.checksum(of: filter)),
        limit: 100
    )
    static let exactRead = ReadRequest(
        consistency: .atExactSnapshot(zookie),
        filter: filter,
        cursor: ReadCursor(last: tuple, filterChecksum: ReadCursor.checksum(of: filter), zookie: zookie),
        limit: 100
    )
    static let page = ReadAnswer(tuples: [tuple, expiring], next: ReadCursor(last: tuple), zookie: zookie)
    static let schema = "definition user {}"
    static let hello = Hello(
        cluster: cluster,
        software: "pemba-swift/0.1.0",
        caller: .client(name: "billing", bearerKey: "s3cret")
    )
    static let peerHello = Hello(
        cluster: cluster,
        software: "pembad/0.1.0",
        caller: .peer(node: NodeID(2), to: NodeID(1), epoch: .first, log: .firstEntry)
    )
    static let helloAnswer = HelloAnswer(
        version: 1,
        cluster: cluster,
        epoch: .first,
        node: NodeID(1),
        roles: [.read, .write],
        leader: NodeID(2),
        limits: ConnectionLimits(),
        software: "pembad/0.1.0",
        members: [
            MemberAddress(node: NodeID(1), clientAddress: "127.0.0.1:7001"),
            MemberAddress(node: NodeID(2), clientAddress: "[::1]:7002"),
        ]
    )
    static let status = NodeStatus(
        cluster: cluster,
        epoch: .first,
        node: NodeID(1),
        role: .leader,
        term: Term(5),
        leader: NodeID(1),
        lastIndex: LogIndex(44),
        commitIndex: LogIndex(43),
        appliedIndex: LogIndex(42),
        snapshotIndex: LogIndex(10),
        history: HistoryStatus(
            oldest: Revision(7),
            oldestTime: Timestamp(nanoseconds: 1_700_000_000_000_000_000),
            changes: 8,
            changesMax: 1_000_000,
            bytes: 1_024,
            bytesMax: 268_435_456,
            secondsMax: 86_400
        ),
        tupleCount: 9,
        residentBytes: 1_048_576,
        stateHash: 0x0102_0304_0506_0708,
        alarms: ["disk nearly full"],
        membership: MembershipStatus(
            index: LogIndex(12),
            isSettled: false,
            abandoned: .init(node: NodeID(3), reason: .tooSlow, index: LogIndex(11)),
            highestNode: NodeID(3)
        ),
        members: [
            MemberStatus(
                node: NodeID(1),
                clientAddress: "127.0.0.1:7001",
                matchIndex: LogIndex(44),
                isConnected: true
            ),
            MemberStatus(
                node: NodeID(2),
                role: .learner,
                next: .voter,
                clientAddress: "127.0.0.1:7002",
                peerAddress: "127.0.0.1:7102",
                matchIndex: nil,
                isConnected: false,
                catchUp: .init(round: 2, target: LogIndex(40)),
                snapshot: .init(done: 3, total: 9)
            ),
        ],
        version: "0.1.0",
        uptimeSeconds: 60
    )
    static let bulkAnswer = BulkCheckAnswer(
        results: [
            .success(.has), .success(.hasNot), .success(missing), .failure(ServiceError(.unknownDefinition, "no `x`")),
        ],
        zookie: zookie
    )
    static let entries = [
        LogEntry(index: LogIndex(41), term: Term(5), timestamp: Timestamp(nanoseconds: 1), kind: .noop, payload: []),
        LogEntry(
            index: LogIndex(42),
            term: Term(5),
            timestamp: Timestamp(nanoseconds: 2),
            kind: .command,
            payload: [0xAB, 0xCD]
        ),
    ]

    static let connection: [Sample] = [
        Sample("hello client", .hello, correlation: 0) { hello.encode(into: &$0) },
        Sample("hello peer", .hello, correlation: 0) { peerHello.encode(into: &$0) },
        Sample("helloAnswer", .helloAnswer, correlation: 0) { helloAnswer.encode(into: &$0) },
        Sample("ping", .ping) { Ping(token: 0x0102_0304_0506_0708).encode(into: &$0) },
        Sample("pong", .pong) { Ping(token: 0x0102_0304_0506_0708).encode(into: &$0) },
        Sample("error", .error) { error.encode(into: &$0) },
        Sample("goAway", .goAway, correlation: 0) {
            GoAway(drainMilliseconds: 5_000, leader: NodeID(2), message: "shutting down").encode(into: &$0)
        },
        Sample("streamCredit", .streamCredit) { StreamCredit(frames: 16).encode(into: &$0) },
        Sample("cancel", .cancel) { Cancel().encode(into: &$0) },
    ]

    static let reads: [Sample] = [
        Sample("check", .check) {
            check.encode(consistency: .minimizeLatency, deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("check at least as fresh", .check) {
            groupCheck.encode(consistency: .atLeastAsFresh(zookie), deadlineMilliseconds: 0, into: &$0)
        },
        Sample("checkAnswer", .checkAnswer) {
            CheckAnswer(.has, zookie: zookie).encode(into: &$0)
        },
        Sample("check with context", .check) {
            contextCheck.encode(
                consistency: .atTime(Timestamp(nanoseconds: 1_000_000_000)),
                contextualTuples: [caveated],
                maxDepth: 50,
                deadlineMilliseconds: 1_000,
                into: &$0
            )
        },
        Sample("checkAnswer conditional", .checkAnswer) { CheckAnswer(missing, zookie: zookie).encode(into: &$0) },
        Sample("bulkCheck", .bulkCheck) {
            BulkCheckRequest.encode(
                [check, groupCheck],
                consistency: .fullyConsistent,
                deadlineMilliseconds: 1_000,
                into: &$0
            )
        },
        Sample("bulkCheck with context", .bulkCheck) {
            BulkCheckRequest.encode(
                [check, contextCheck],
                consistency: .atRevision(Revision(42)),
                contextualTuples: [tuple],
                maxDepth: 50,
                deadlineMilliseconds: 1_000,
                into: &$0
            )
        },
        Sample("bulkCheckAnswer", .bulkCheckAnswer) { bulkAnswer.encode(into: &$0) },
        Sample("read", .read) { read.encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("readAnswer", .readAnswer) { page.encode(for: read, into: &$0) },
        Sample("read next page", .read) { nextRead.encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("read next page of one revision", .read) { exactRead.encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("readSchema", .readSchema) {
            ReadSchemaRequest(consistency: .minimizeLatency).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("readSchemaAnswer", .readSchemaAnswer) {
            SchemaAnswer(source: schema, zookie: zookie).encode(into: &$0)
        },
    ]

    static let writes: [Sample] = [
        Sample("openSession", .openSession) { PlainRequest().encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("openSessionAnswer", .openSessionAnswer) { OpenSessionAnswer(session: 17).encode(into: &$0) },
        Sample("write", .write) { write.encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("writeAnswer", .writeAnswer) {
            WriteAnswer(counts: WriteCounts(created: 1), zookie: zookie).encode(leader: NodeID(2), into: &$0)
        },
        Sample("writeSchema", .writeSchema) {
            WriteSchemaRequest(source: schema).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("writeSchemaAnswer", .writeSchemaAnswer) { WriteSchemaAnswer(zookie: zookie).encode(into: &$0) },
        Sample("status", .status) { PlainRequest().encode(deadlineMilliseconds: 1_000, into: &$0) },
        Sample("statusAnswer", .statusAnswer) { status.encode(into: &$0) },
        Sample("membership look", .membership) {
            MembershipMessage(change: nil, expected: .zero).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("membership reach", .membership) {
            membership(.reach(voters: [NodeID(1), NodeID(2)], learners: [NodeID(3)], contacts: [contact]))
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("membership abandon", .membership) {
            membership(.abandon).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("membership relocate", .membership) {
            membership(.relocate(contact)).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("membership transfer", .membership) {
            membership(.transferLeadership(to: NodeID(2))).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("membershipAnswer", .membershipAnswer) {
            MembershipAnswer(entry: LogIndex(13), status: plainStatus).encode(into: &$0)
        },
    ]

    static let contact = MemberContact(
        node: NodeID(3),
        peer: NetworkAddress(host: "c.example", port: 7_101),
        client: NetworkAddress(host: "c.example", port: 7_001)
    )

    static func membership(_ change: MembershipChange) -> MembershipMessage {
        MembershipMessage(change: change, expected: LogIndex(12))
    }

    static var plainStatus: NodeStatus {
        var plain = status
        plain.alarms = []
        plain.members = []
        plain.membership = MembershipStatus(index: LogIndex(13), isSettled: false)
        return plain
    }

    static let raft: [Sample] = [
        Sample("preVote", raft: .preVote(lastIndex: LogIndex(40), lastTerm: Term(4))),
        Sample("preVoteResponse", raft: .preVoteResponse(granted: true)),
        Sample("requestVote", raft: .requestVote(lastIndex: LogIndex(40), lastTerm: Term(4), transfer: true)),
        Sample("voteResponse", raft: .voteResponse(granted: false)),
        Sample(
            "appendEntries",
            raft: .appendEntries(
                previousIndex: LogIndex(40),
                previousTerm: Term(4),
                entries: entries,
                commit: LogIndex(39)
            )
        ),
        Sample("appendAccepted", raft: .appendAccepted(match: LogIndex(42))),
        Sample(
            "appendRejected",
            raft: .appendRejected(rejected: LogIndex(40), hintIndex: LogIndex(38), hintTerm: Term(3))
        ),
        Sample(
            "heartbeat",
            raft: .heartbeat(
                commit: LogIndex(42),
                context: 9,
                vouch: RaftMessage.Vouch(probe: 8, commit: LogIndex(43), age: .milliseconds(3))
            )
        ),
        Sample("heartbeatResponse", raft: .heartbeatResponse(context: 9, probe: 10)),
        Sample("installSnapshot", raft: .installSnapshot(index: LogIndex(30), term: Term(4))),
        Sample("snapshotResponse", raft: .snapshotResponse(index: LogIndex(30), installed: true)),
        Sample("timeoutNow", raft: .timeoutNow),
        Sample("readIndex", raft: .readIndex(request: 11)),
        Sample("readIndexResponse", raft: .readIndexResponse(request: 11, index: LogIndex(42))),
        Sample("removed", raft: .removed(configuration: LogIndex(44))),
        Sample("conditionalGrant", raft: .conditionalGrant(isPreVote: true)),
    ]

    static let peer: [Sample] = [
        Sample("forwardProposals", peer: .forwardProposals(term: Term(5), [[1, 2, 3], [4]])),
        Sample("proposalRefused", peer: .proposalRefused(request: 12, error: ServiceError(.noLeader, "no leader"))),
        Sample("fetchSnapshot", peer: .fetchSnapshot(index: LogIndex(30), from: 2, count: 8)),
        Sample("snapshotBlock", peer: .snapshotBlock(index: LogIndex(30), number: 2, total: 5, bytes: [9, 8, 7])),
        Sample("snapshotUnavailable", peer: .snapshotUnavailable(index: LogIndex(30))),
    ]

    static let all: [Sample] = connection + reads + answers + streams + writes + filteredWrites + raft + peer
}
