// Pemba: one of each command.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

@testable import PembaReplica

enum CommandSamples {
    static let key = IdempotencyKey(session: 300, sequence: 2, firstUnacknowledged: 1)
    static let plain = RelationTuple(
        resource: ObjectReference(type: "doc", id: "1"),
        relation: "viewer",
        subject: SubjectReference(type: "group", id: "eng", relation: "member")
    )
    static let flagged = RelationTuple(
        resource: ObjectReference(type: "doc", id: "1"),
        relation: "viewer",
        subject: SubjectReference(type: "user", id: "a"),
        caveat: CaveatReference(name: "net", context: ContextObject([("b", .int(2))])),
        expiresAt: Timestamp(nanoseconds: 5),
        notBefore: Timestamp(nanoseconds: -2)
    )
    static let preconditions = [Precondition(.mustMatch, RelationshipFilter(resourceType: "doc"))]
    static let metadata = ContextObject([("who", .string("alice"))])

    static let all: [ClientCommand] = [
        .openSession, .advanceTime, .audit(AuditStatement(index: LogIndex(8), hash: 9)),
        .writeSchema(source: "definition user {}"),
        .write(
            WriteRequest(
                updates: [TupleUpdate(.create, plain), TupleUpdate(.touch, flagged), TupleUpdate(.delete, plain)],
                preconditions: preconditions,
                metadata: metadata,
                idempotencyKey: key
            )
        ),
        .delete(
            DeleteRequest(
                filter: RelationshipFilter(resourceType: "doc", subjectRelation: .none),
                preconditions: preconditions,
                limit: 10,
                allowsPartial: true,
                metadata: metadata,
                idempotencyKey: key
            )
        ),
        .delete(DeleteRequest(filter: RelationshipFilter(resourceType: "doc"), cursor: ReadCursor(last: plain))),
        .delete(
            DeleteRequest(
                filter: RelationshipFilter(resourceType: "doc"),
                allowsPartial: true,
                cursor: ReadCursor(last: plain)
            )
        ),
        .set(
            SetRequest(
                resource: plain.resource,
                relation: "viewer",
                tuples: [plain, flagged],
                preconditions: preconditions,
                metadata: metadata,
                idempotencyKey: key
            )
        ), .importTuples(ImportRequest(tuples: [plain, flagged, plain], mode: .fail, idempotencyKey: key)),
    ]
}
