// Pemba: SpiceDB's reasons for errors, and ours.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTestSupport
import Testing

@testable import PembaServer

/// Every reason that SpiceDB has for an error, provoked at a running node or named as one that cannot occur here; and
/// the table of them in `docs/errors.md`.
@Suite(.serialized, .timeLimit(.minutes(4)))
struct UpstreamErrorTests {
    private static let schema = """
        use expiration
        definition user {}
        caveat office(hour int) { hour >= 8 && hour < 18 }
        caveat share(parts int) { 10 / parts == 2 }
        definition folder {
            relation parent: folder
            relation viewer: user | user with office | user with share
            permission view = viewer + parent->view
        }
        """

    private static let tuples = [
        "folder:plain#viewer@user:ann", "folder:office#viewer@user:ann[office]",
        "folder:share#viewer@user:ann[share]", "folder:1#parent@folder:2", "folder:2#parent@folder:3",
        "folder:3#parent@folder:4",
    ]

    /// One reason and a request that has it.
    private struct Reason: Sendable {
        let number: Int
        let name: String
        let code: ErrorCode
        /// The details that programs find, with their values; nil: any value.
        let details: [(name: String, value: String?)]
        let provoke: @Sendable (PembaClient) async throws -> Void
    }

    private static func write(
        _ operation: TupleUpdate.Operation,
        _ texts: String...,
        preconditions: [Precondition] = [],
        metadata: ContextObject = .empty
    ) throws -> WriteRequest {
        WriteRequest(
            updates: try texts.map { TupleUpdate(operation, try RelationTuple(parsing: $0)) },
            preconditions: preconditions,
            metadata: metadata
        )
    }

    private static func item(_ text: String, context: String = "{}") throws -> CheckItem {
        let tuple = try RelationTuple(parsing: text)
        return CheckItem(
            resource: tuple.resource,
            permission: tuple.relation,
            subject: tuple.subject,
            context: try ContextObject(parsing: context)
        )
    }

    /// An object of one text that is too long for whatever it is for.
    private static let long = ContextObject([("a", .string(String(repeating: "x", count: 70_000)))])
    private static let folders = RelationshipFilter(resourceType: "folder")

    private static let aboutSchemas = [
        Reason(
            number: 1,
            name: "SCHEMA_PARSE_ERROR",
            code: .invalidSchema,
            details: [("line", "1"), ("column", "1"), ("diagnostic", nil)]
        ) {
            try await $0.writeSchema("definition user {\n  relation")
        },
        Reason(
            number: 2,
            name: "SCHEMA_TYPE_ERROR",
            code: .invalidSchema,
            details: [("line", "2"), ("column", "20"), ("diagnostic", nil)]
        ) {
            try await $0.writeSchema("definition folder {\n  relation viewer: user\n}")
        },
        Reason(
            number: 2,
            name: "SCHEMA_TYPE_ERROR",
            code: .schemaWouldOrphan,
            details: [("tuple", "folder:1#parent@folder:2")]
        ) {
            try await $0.writeSchema("definition user {}\ndefinition folder {\n  relation viewer: user\n}")
        },
        Reason(
            number: 3,
            name: "UNKNOWN_DEFINITION",
            code: .unknownDefinition,
            details: [("definition", "planet")]
        ) { _ = try await $0.check(item("planet:a#view@user:ann")) },
        Reason(
            number: 4,
            name: "UNKNOWN_RELATION_OR_PERMISSION",
            code: .unknownRelation,
            details: [("definition", "folder"), ("relation", "edit")]
        ) { _ = try await $0.check(item("folder:a#edit@user:ann")) },
    ]

    private static let aboutWrites = [
        Reason(
            number: 5,
            name: "TOO_MANY_UPDATES_IN_REQUEST",
            code: .limitExceeded,
            details: [("limit", "1000"), ("value", "1001")]
        ) {
            let tuple = try RelationTuple(parsing: "folder:a#viewer@user:ann")
            try await $0.write(WriteRequest(updates: Array(repeating: TupleUpdate(.touch, tuple), count: 1_001)))
        },
        Reason(
            number: 6,
            name: "TOO_MANY_PRECONDITIONS_IN_REQUEST",
            code: .limitExceeded,
            details: [("limit", "1000"), ("value", "1001")]
        ) {
            let preconditions = Array(repeating: Precondition(.mustMatch, folders), count: 1_001)
            try await $0.write(write(.touch, "folder:a#viewer@user:ann", preconditions: preconditions))
        },
        Reason(
            number: 7,
            name: "WRITE_OR_DELETE_PRECONDITION_FAILURE",
            code: .preconditionFailed,
            details: [("precondition", folders.description)]
        ) {
            let precondition = Precondition(.mustNotMatch, folders)
            try await $0.write(write(.touch, "folder:a#viewer@user:ann", preconditions: [precondition]))
        },
        Reason(number: 9, name: "UNKNOWN_CAVEAT", code: .unknownCaveat, details: [("caveat", "night")]) {
            try await $0.write(write(.touch, "folder:a#viewer@user:ann[night]"))
        },
        Reason(
            number: 10,
            name: "INVALID_SUBJECT_TYPE",
            code: .subjectNotAllowed,
            details: [
                ("tuple", "folder:a#viewer@folder:b"), ("allowed", "user, user with office, user with share"),
            ]
        ) { try await $0.write(write(.touch, "folder:a#viewer@folder:b")) },
        Reason(
            number: 11,
            name: "CAVEAT_PARAMETER_TYPE_ERROR",
            code: .invalidContext,
            details: [("parameter", "hour"), ("type", "int"), ("tuple", "folder:a#viewer@user:ann")]
        ) {
            try await $0.write(write(.touch, "folder:a#viewer@user:ann[office:{\"hour\":\"noon\"}]"))
        },
        Reason(
            number: 12,
            name: "UPDATES_ON_SAME_RELATIONSHIP",
            code: .duplicateUpdate,
            details: [("tuple", "folder:a#viewer@user:ann")]
        ) { try await $0.write(write(.touch, "folder:a#viewer@user:ann", "folder:a#viewer@user:ann[office]")) },
        Reason(
            number: 13,
            name: "CANNOT_UPDATE_PERMISSION",
            code: .cannotWritePermission,
            details: [("definition", "folder"), ("permission", "view")]
        ) { try await $0.write(write(.touch, "folder:a#view@user:ann")) },
        Reason(
            number: 16,
            name: "TOO_MANY_RELATIONSHIPS_FOR_TRANSACTIONAL_DELETE",
            code: .tooManyMatches,
            details: [("filter", folders.description), ("limit", "1")]
        ) { try await $0.delete(DeleteRequest(filter: folders, limit: 1)) },
        Reason(number: 17, name: "MAX_RELATIONSHIP_CONTEXT_SIZE", code: .invalidContext, details: [("field", nil)]) {
            var request = try write(.touch, "folder:a#viewer@user:ann[office]")
            request.updates[0].tuple.caveat?.context = long
            try await $0.write(request)
        },
        Reason(
            number: 18,
            name: "ATTEMPT_TO_RECREATE_RELATIONSHIP",
            code: .alreadyExists,
            details: [("tuple", "folder:plain#viewer@user:ann")]
        ) { try await $0.write(write(.create, "folder:plain#viewer@user:ann")) },
        Reason(
            number: 25,
            name: "EMPTY_PRECONDITION",
            code: .invalidArgument,
            details: [("field", "preconditions[0]")]
        ) {
            let precondition = Precondition(.mustMatch, RelationshipFilter())
            try await $0.write(write(.touch, "folder:a#viewer@user:ann", preconditions: [precondition]))
        },
        Reason(number: 29, name: "TRANSACTION_METADATA_TOO_LARGE", code: .invalidContext, details: [("field", nil)]) {
            try await $0.write(write(.touch, "folder:a#viewer@user:ann", metadata: long))
        },
    ]

    private static let aboutReads = [
        Reason(
            number: 11,
            name: "CAVEAT_PARAMETER_TYPE_ERROR",
            code: .invalidContext,
            details: [("parameter", "hour"), ("type", "int")]
        ) {
            _ = try await $0.check(item("folder:office#view@user:ann", context: #"{"hour":"noon"}"#))
        },
        Reason(number: 14, name: "CAVEAT_EVALUATION_ERROR", code: .conditionFailed, details: [("caveat", "share")]) {
            _ = try await $0.check(item("folder:share#view@user:ann", context: #"{"parts":0}"#))
        },
        Reason(number: 15, name: "INVALID_CURSOR", code: .invalidCursor, details: [("field", "cursor")]) {
            let page = try await $0.read(ReadRequest(consistency: .fullyConsistent, filter: folders, limit: 1))
            let other = RelationshipFilter(resourceType: "folder", relation: "viewer")
            _ = try await $0.read(
                ReadRequest(consistency: .fullyConsistent, filter: other, cursor: page.next, limit: 1)
            )
        },
        Reason(number: 19, name: "MAXIMUM_DEPTH_EXCEEDED", code: .depthExceeded, details: [("limit", "2")]) {
            _ = try await $0.check(item("folder:1#view@user:ann"), maxDepth: 2)
        },
        Reason(
            number: 21,
            name: "TOO_MANY_CHECKS_IN_REQUEST",
            code: .limitExceeded,
            details: [("limit", "10000"), ("value", "10001")]
        ) {
            let check = try item("folder:1#view@user:ann")
            _ = try await $0.checkBulk(Array(repeating: check, count: 10_001))
        },
        Reason(
            number: 22,
            name: "EXCEEDS_MAXIMUM_ALLOWABLE_LIMIT",
            code: .limitExceeded,
            details: [("limit", "1000"), ("value", "1001")]
        ) { _ = try await $0.read(ReadRequest(consistency: .minimizeLatency, filter: folders, limit: 1_001)) },
        Reason(number: 23, name: "INVALID_FILTER", code: .invalidArgument, details: [("filter", nil)]) {
            let filter = RelationshipFilter(resourceType: "folder", resourceID: "1", resourceIDPrefix: "1")
            try await $0.delete(DeleteRequest(filter: filter))
        },
        Reason(number: 28, name: "WILDCARD_NOT_ALLOWED", code: .invalidArgument, details: [("field", "subject")]) {
            _ = try await $0.check(item("folder:1#view@user:*"))
        },
    ]

    /// The reasons that cannot occur here, and why.
    private static let notApplicable = [
        (8, "SERVICE_READ_ONLY", "no node is read-only; one that cannot reach a leader says `noLeader`"),
        (20, "SERIALIZATION_FAILURE", "the log orders all writes; none is given up for another's sake"),
        (24, "INMEMORY_TOO_MANY_CONCURRENT_UPDATES", "writes wait in a queue; a full one says `overloaded`"),
        (26, "COUNTER_ALREADY_REGISTERED", "there are no counters of relationships"),
        (27, "COUNTER_NOT_REGISTERED", "there are no counters of relationships"),
        (30, "DATASTORE_NOT_MIGRATED", "there is no other database; formats carry versions"),
    ]

    private static var reasons: [Reason] { aboutSchemas + aboutWrites + aboutReads }

    @Test func everyReasonIsProvokedOrCannotBe() async throws {
        let numbers = Self.reasons.map(\.number) + Self.notApplicable.map(\.0)
        #expect(Set(numbers) == Set(1...30))
        try await withNode { client in
            try await client.writeSchema(Self.schema)
            try await client.write(
                WriteRequest(updates: try Self.tuples.map { TupleUpdate(.create, try RelationTuple(parsing: $0)) })
            )
            for reason in Self.reasons {
                let error = try #require(await Self.error { try await reason.provoke(client) }, "\(reason.name)")
                #expect(error.code == reason.code, "\(reason.name): \(error)")
                #expect(!error.message.isEmpty)
                for (name, value) in reason.details {
                    let found = error.detail(name)
                    #expect(found != nil && (value == nil || found == value), "\(reason.name): \(error.details)")
                }
            }
            // Nothing of all that was done.
            #expect(try await client.status().tupleCount == UInt64(Self.tuples.count))
        }
    }

    /// What SpiceDB answers with a status alone.
    @Test func errorsWithoutAReasonHaveCodesToo() async throws {
        try await withNode(["history.changes=2"]) { client in
            func code(_ body: () async throws -> Void) async -> ErrorCode? { await Self.error(body)?.code }
            #expect(await code { _ = try await client.readSchema(consistency: .fullyConsistent) } == .noSchema)
            let first = try await client.writeSchema(Self.schema)
            for tuple in Self.tuples { try await client.write(Self.write(.create, tuple)) }
            let check = try Self.item("folder:plain#view@user:ann")
            func code(at zookie: Zookie) async -> ErrorCode? {
                await code { _ = try await client.check(check, consistency: .atExactSnapshot(zookie)) }
            }
            let old = await Self.error { _ = try await client.check(check, consistency: .atExactSnapshot(first)) }
            #expect(old?.code == .revisionTooOld)
            #expect(old?.detail("oldest").flatMap { UInt64($0) } ?? 0 > first.revision.rawValue)
            let prefix = first.clusterPrefix
            #expect(
                await code(at: Zookie(clusterPrefix: prefix, epoch: first.epoch, revision: Revision(.max)))
                    == .futureZookie
            )
            #expect(
                await code(at: Zookie(clusterPrefix: ~prefix, epoch: first.epoch, revision: first.revision))
                    == .foreignZookie
            )
            let strange = "folder:a#viewer@user:ann[office:{\"minute\":1}]"
            #expect(await code { try await client.write(Self.write(.touch, strange)) } == .invalidContext)
            let retyped = Self.schema.replacing("hour int", with: "hour double").replacing("8 &&", with: "8.0 &&")
                .replacing("< 18", with: "< 18.0")
            #expect(await code { try await client.writeSchema(retyped) } == .schemaWouldOrphan)
        }
    }

    @Test func theDocumentHasEveryReason() throws {
        let path = Conformance.repository.appendingPathComponent("docs/errors.md")
        let rows = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| ") && $0.dropFirst(2).first?.isNumber == true }.map(String.init)
        var expected: [Int: [String]] = [:]
        for reason in Self.reasons {
            let details = reason.details.isEmpty ? "–" : reason.details.map { "`\($0.name)`" }.joined(separator: ", ")
            let row = "| \(reason.number) | \(reason.name) | `\(reason.code)` | \(details) |"
            // One error may be met in several ways.
            if expected[reason.number]?.contains(row) != true { expected[reason.number, default: []].append(row) }
        }
        for (number, name, why) in Self.notApplicable { expected[number] = ["| \(number) | \(name) | – | \(why) |"] }
        #expect(rows == (1...30).flatMap { expected[$0] ?? [] })
    }

    private static func error(_ body: () async throws -> Void) async -> ServiceError? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? ClientError)?.serviceError
        }
    }

    /// A running node and a client of it.
    private func withNode(_ overrides: [String] = [], _ body: (PembaClient) async throws -> Void) async throws {
        try await TestCluster.run(overrides, schema: nil) { _, client in try await body(client) }
    }
}
