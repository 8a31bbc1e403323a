// Pemba: samples of lookups, explanations, streams and the writes that are more than a list of updates.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaWire

extension Sample {
    /// A sample of a part of a streamed answer with these items.
    init<Item: StreamItem>(_ name: String, part items: [Item]) {
        self.init(name, Item.frameType) { output in
            var frame = ByteWriter()
            var part = StreamPart<Item>(zookie: EncodedZookie(Samples.zookie), correlation: 7, into: &frame)
            for item in items { _ = part.append(item, into: &frame) }
            _ = part.end(in: &frame)
            output.raw(frame.bytes.dropFirst(FrameHeader.size))
        }
    }
}

extension Samples {
    static let plan = ObjectReference(type: "document", id: "plan")
    static let alice = SubjectReference(type: "user", id: "alice")
    static let evaluationContext = EvaluationContext(values: context, tuples: [tuple])
    static let lookupResources = LookupResourcesRequest(
        permissions: [TypePermission(type: "document", permission: "view")],
        subject: alice,
        limit: 100
    )
    static let nextResources: LookupResourcesRequest = {
        var request = LookupResourcesRequest(
            consistency: .fullyConsistent,
            permissions: [
                TypePermission(type: "document", permission: "view"),
                TypePermission(type: "folder", permission: "edit"),
            ],
            subject: alice,
            context: evaluationContext,
            candidates: ["plan", "path"],
            idPrefix: "p"
        )
        request.cursor = LookupCursor(
            zookie: zookie,
            queryChecksum: request.queryChecksum,
            permission: 1,
            kind: 0,
            id: "path"
        )
        return request
    }()
    static let resources = [
        FoundResource(permission: 0, id: "plan", decision: .has),
        FoundResource(permission: 1, id: "path", decision: missing),
    ]
    static let lookupSubjects = LookupSubjectsRequest(
        resource: plan,
        permissions: ["view"],
        kinds: [SubjectKind(type: "user"), SubjectKind(type: "group", relation: "member")],
        limit: 100
    )
    static let subjects = [
        FoundSubjectPiece(
            FoundSubject(
                permission: 0,
                kind: 0,
                id: "*",
                decision: .has,
                excluded: [ExcludedSubject(id: "eve", decision: .has), ExcludedSubject(id: "bob", decision: missing)]
            )
        ),
        FoundSubjectPiece(FoundSubject(permission: 0, kind: 1, id: "eng", decision: missing)),
    ]
    static let cursor = LookupCursor(zookie: zookie, queryChecksum: 0, permission: 0, kind: 1, id: "eng")
    static let permissionsAnswer = PermissionsAnswer(
        entries: [
            PermissionsAnswer.Entry(permission: "viewer", isRelation: true, decision: .hasNot),
            PermissionsAnswer.Entry(permission: "view", isRelation: false, decision: missing),
        ],
        zookie: zookie
    )
    static let tree = ExpandTree(
        resource: plan,
        permission: "view",
        content: .union([
            ExpandTree(
                resource: plan,
                permission: "viewer",
                content: .leaf([
                    ExpandTree.Leaf(
                        tuple: tuple,
                        expansion: ExpandTree(
                            resource: ObjectReference(type: "group", id: "eng"),
                            permission: "member",
                            content: .repeated
                        )
                    ),
                    ExpandTree.Leaf(tuple: expiring),
                ])
            ),
            ExpandTree(
                resource: plan,
                permission: "",
                content: .exclusion([
                    ExpandTree(resource: plan, permission: "", content: .itself),
                    ExpandTree(resource: plan, permission: "", content: .empty),
                ])
            ),
            ExpandTree(resource: plan, permission: "", content: .intersection([])),
            ExpandTree(resource: plan, permission: "", content: .all([])),
            ExpandTree(resource: plan, permission: "owner", content: .truncated),
        ])
    )
    static let allowed = Explanation(
        decision: .has,
        proof: ProofNode(
            resource: plan,
            permission: "view",
            decision: .has,
            reason: .union([
                ProofNode(
                    resource: plan,
                    permission: "viewer",
                    decision: .has,
                    reason: .through(
                        tuple,
                        ProofNode(
                            resource: ObjectReference(type: "group", id: "eng"),
                            permission: "member",
                            decision: .has,
                            reason: .identity
                        )
                    )
                )
            ])
        ),
        suggestions: [],
        time: Timestamp(nanoseconds: 1_700_000_000_000_000_000)
    )
    static let denied: Explanation = {
        func step(_ permission: String, _ decision: Decision, _ reason: ProofNode.Reason) -> ProofNode {
            ProofNode(resource: plan, permission: permission, decision: decision, reason: reason)
        }
        return Explanation(
            decision: .hasNot,
            proof: step(
                "view",
                .hasNot,
                .exclusion([
                    step("viewer", missing, .tuple(caveated)),
                    step("", .hasNot, .intersection([step("a", .hasNot, .nothing)])),
                    step("", .hasNot, .all([step("b", .hasNot, .repeated), step("c", .hasNot, .truncated)])),
                ])
            ),
            suggestions: [
                Suggestion(
                    add: [tuple],
                    remove: [caveated],
                    context: [
                        Suggestion.ContextNeed(tuple: caveated, mustHold: true, missing: ["ip"], wrong: ["hour"])
                    ]
                )
            ],
            selfExclusions: ["document:plan#view"],
            time: Timestamp(nanoseconds: 1_700_000_000_000_000_000),
            conditions: [
                ExplainedCondition(
                    caveat: CaveatReference(name: "hr"),
                    expression: "hour < 18",
                    given: ContextObject([("hour", .int(20))]),
                    decision: .hasNot
                )
            ]
        )
    }()

    static let answers: [Sample] = [
        Sample("permissions", .permissions) {
            PermissionsRequest(resource: plan, subject: alice, context: evaluationContext)
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("permissionsAnswer", .permissionsAnswer) { permissionsAnswer.encode(into: &$0) },
        Sample("expand", .expand) {
            ExpandRequest(resource: plan, permission: "view", isRecursive: true, contextualTuples: [tuple])
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("expandAnswer", .expandAnswer) { ExpandAnswer(tree: tree, zookie: zookie).encode(into: &$0) },
        Sample("explain", .explain) {
            ExplainRequest(item: contextCheck, contextualTuples: [tuple])
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("explainAnswer", .explainAnswer) {
            ExplainAnswer(explanation: allowed, zookie: zookie).encode(into: &$0)
        },
        Sample("explainAnswer denied", .explainAnswer) {
            ExplainAnswer(explanation: denied, zookie: zookie).encode(into: &$0)
        },
    ]

    static let streams: [Sample] = [
        Sample("lookupResources", .lookupResources) {
            lookupResources.encode(deadlineMilliseconds: 1_000, window: 16, into: &$0)
        },
        Sample("lookupResources next", .lookupResources) {
            nextResources.encode(deadlineMilliseconds: 1_000, window: 16, into: &$0)
        },
        Sample("foundResources", part: resources),
        Sample("lookupResourcesAnswer", .lookupResourcesAnswer) {
            LookupEnd(zookie: zookie, next: nil)
                .encode(queryChecksum: lookupResources.queryChecksum, into: &$0)
        },
        Sample("lookupSubjects", .lookupSubjects) {
            lookupSubjects.encode(deadlineMilliseconds: 1_000, window: 16, into: &$0)
        },
        Sample("foundSubjects", part: subjects),
        Sample("lookupSubjectsAnswer", .lookupSubjectsAnswer) {
            LookupEnd(zookie: zookie, next: cursor).encode(queryChecksum: lookupSubjects.queryChecksum, into: &$0)
        },
        Sample("export", .export) {
            ExportRequest(filter: filter).encode(deadlineMilliseconds: 1_000, window: 16, into: &$0)
        },
        Sample("exportedTuples", part: [tuple, expiring]),
        Sample("exportAnswer", .exportAnswer) { ExportEnd(zookie: zookie, count: 2).encode(into: &$0) },
        Sample("watch", .watch) {
            WatchRequest(start: .after(zookie), filters: [filter])
                .encode(deadlineMilliseconds: 1_000, window: 16, into: &$0)
        },
        Sample("watch from a snapshot", .watch) {
            WatchRequest(start: .snapshot, includesSchema: false)
                .encode(deadlineMilliseconds: 1_000, window: 1_024, into: &$0)
        },
        Sample(
            "watchEvents",
            part: [
                WatchEvent.tuples([tuple]), .schema(zookie: zookie, source: schema),
                .changes(
                    zookie: zookie,
                    time: Timestamp(nanoseconds: 2),
                    changes: [TupleChange(.created, caveated), TupleChange(.expired, tuple)],
                    metadata: context,
                    isLast: true
                ), .checkpoint(zookie: zookie),
            ]
        ),
        Sample("watchAnswer", .watchAnswer) { WatchEnd(zookie: zookie).encode(into: &$0) },
    ]

    static let filteredWrites: [Sample] = [
        Sample("write with metadata", .write) {
            WriteRequest(updates: [TupleUpdate(.touch, expiring)], metadata: context)
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("delete", .delete) {
            DeleteRequest(
                filter: filter,
                preconditions: preconditions,
                limit: 1_000,
                allowsPartial: true,
                metadata: context,
                idempotencyKey: IdempotencyKey(session: 17, sequence: 3, firstUnacknowledged: 2)
            ).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("delete next part", .delete) {
            DeleteRequest(
                filter: filter,
                limit: 1_000,
                allowsPartial: true,
                cursor: ReadCursor(last: tuple, filterChecksum: ReadCursor.checksum(of: filter))
            ).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("deleteAnswer", .deleteAnswer) {
            let next = ReadCursor(last: tuple, filterChecksum: ReadCursor.checksum(of: filter))
            DeleteAnswer(deleted: 1_000, next: next, zookie: zookie).encode(leader: NodeID(2), into: &$0)
        },
        Sample("deleteAnswer complete", .deleteAnswer) {
            DeleteAnswer(deleted: 1_000, zookie: zookie).encode(leader: nil, into: &$0)
        },
        Sample("set", .set) {
            SetRequest(resource: plan, relation: "viewer", tuples: [tuple, caveated], metadata: context)
                .encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("setAnswer", .setAnswer) {
            SetAnswer(changes: [TupleUpdate(.touch, caveated), TupleUpdate(.delete, tuple)], zookie: zookie)
                .encode(leader: NodeID(2), into: &$0)
        },
        Sample("import", .import) {
            ImportRequest(tuples: [tuple, caveated], mode: .touch).encode(deadlineMilliseconds: 1_000, into: &$0)
        },
        Sample("importAnswer", .importAnswer) {
            ImportAnswer(created: 1, existing: 1, zookie: zookie).encode(leader: NodeID(2), into: &$0)
        },
    ]
}
