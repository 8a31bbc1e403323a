// Pemba: tests of what the commands about conditions, lists and changes print.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaTooling
import Testing

private let zookie = Zookie(cluster: ClusterID(high: 1, low: 2), epoch: .first, revision: Revision(12))
private let plan = ObjectReference(type: "document", id: "plan")

private func tuple(_ text: String) throws -> RelationTuple { try RelationTuple(parsing: text) }

struct CheckReportTests {
    @Test func aConditionalAnswerNamesWhatIsMissing() throws {
        let item = try CheckItem(parsing: "document:plan#view@user:alice with {\"ip\":\"10.0.0.1\"}")
        let answer = CheckAnswer(Decision(.conditional, missingContext: ["hour", "tier"]), zookie: zookie)
        let report = CheckReport(item: item, answer: answer)
        #expect(
            report.text
                == "conditional (needs hour, tier)  document:plan#view@user:alice with {\"ip\":\"10.0.0.1\"}  (revision 12)\n"
        )
        let json = try JSONText.line(report)
        #expect(json.contains("\"missingContext\":[\"hour\",\"tier\"]"))
        #expect(json.contains("\"permissionship\":\"conditional\""))
    }

    @Test func aBulkCheckMarksWhatIsNotAsExpected() throws {
        let checks = try ExpectedChecks.parse(
            "document:plan#view@user:a => has\ndocument:plan#view@user:b => has\n",
            name: "f"
        )
        let results: [Result<Decision, ServiceError>] = [
            .success(.has), .success(Decision(.conditional, missingContext: ["tier"])),
        ]
        let report = BulkCheckReport(checks, BulkCheckAnswer(results: results, zookie: zookie))
        #expect(!report.holds)
        #expect(
            report.text == """
                  has  document:plan#view@user:a
                ! conditional  document:plan#view@user:b  needs tier  expected: has
                2 checks at revision 12, 1 not as expected

                """
        )
    }
}

struct BulkCheckErrorTests {
    @Test func aQuestionWithoutAnAnswerHasItsErrorInItsRow() throws {
        let checks = try ExpectedChecks.parse(
            "document:plan#view@user:a\ndocument:plan#veiw@user:a => has-not\n",
            name: "f"
        )
        let error = ServiceError(.unknownRelation, "there is no `veiw`")
        let answer = BulkCheckAnswer(results: [.success(.has), .failure(error)], zookie: zookie)
        let report = BulkCheckReport(checks, answer)
        #expect(report.hasErrors && !report.holds)
        let json = try JSONText.line(report)
        #expect(json.contains(#""error":"there is no `veiw`","errorCode":"unknownRelation""#), "\(json)")
        #expect(
            report.text == """
                  has  document:plan#view@user:a
                ! error  document:plan#veiw@user:a  expected: has-not  there is no `veiw` [unknownRelation]
                2 checks at revision 12, 1 not as expected

                """
        )
    }
}

struct TreeTests {
    @Test func childrenAreJoinedToTheirParent() {
        let tree = TreeText("a", [TreeText("b", [TreeText("c")]), TreeText("d")])
        #expect(tree.text == "a\n├─ b\n│  └─ c\n└─ d\n")
    }

    @Test func anExpansionIsATree() throws {
        let group = ExpandTree(
            resource: ObjectReference(type: "team", id: "eng"),
            permission: "member",
            content: .leaf([ExpandTree.Leaf(tuple: try tuple("team:eng#member@user:bob"))])
        )
        let viewer = ExpandTree(
            resource: plan,
            permission: "viewer",
            content: .leaf([
                ExpandTree.Leaf(tuple: try tuple("document:plan#viewer@user:alice[net]")),
                ExpandTree.Leaf(tuple: try tuple("document:plan#viewer@team:eng#member"), expansion: group),
            ])
        )
        let nobody = ExpandTree(resource: plan, permission: "banned", content: .leaf([]))
        let tree = ExpandTree(resource: plan, permission: "view", content: .exclusion([viewer, nobody]))
        let report = ExpandReport(ExpandAnswer(tree: tree, zookie: zookie))
        #expect(
            report.text == """
                document:plan#view  the first without the others
                ├─ document:plan#viewer
                │  ├─ document:plan#viewer@user:alice[net]
                │  └─ document:plan#viewer@team:eng#member
                │     └─ team:eng#member
                │        └─ team:eng#member@user:bob
                └─ document:plan#banned  no tuples
                (revision 12)

                """
        )
        #expect(try JSONText.line(report).contains("\"kind\":\"exclusion\""))
    }

    @Test func anExplanationShowsTheStepsAndWhatWouldHelp() throws {
        let item = try CheckItem(parsing: "document:plan#view@user:eve")
        let need = Suggestion.ContextNeed(
            tuple: try tuple("document:plan#viewer@user:eve[net]"),
            mustHold: true,
            missing: ["ip"]
        )
        let explanation = Explanation(
            decision: .hasNot,
            proof: ProofNode(
                resource: plan,
                permission: "view",
                decision: .hasNot,
                reason: .union([
                    ProofNode(resource: plan, permission: "viewer", decision: .hasNot, reason: .nothing)
                ])
            ),
            suggestions: [
                Suggestion(add: [try tuple("document:plan#viewer@user:eve")]),
                Suggestion(add: [], remove: [try tuple("document:plan#banned@user:eve")], context: [need]),
            ],
            selfExclusions: ["document:plan#odd"],
            time: .zero
        )
        let report = ExplainReport(item: item, answer: ExplainAnswer(explanation: explanation, zookie: zookie))
        #expect(
            report.text == """
                has-not  document:plan#view@user:eve  (revision 12)
                has-not  document:plan#view  none of
                └─ has-not  document:plan#viewer  nothing leads to the subject
                note: document:plan#odd is defined through its own exclusion, which is denied
                would be allowed if
                  1. document:plan#viewer@user:eve is added
                  2. document:plan#banned@user:eve is removed
                     and net holds, given ip (document:plan#viewer@user:eve[net])

                """
        )
        let json = try JSONText.line(report)
        #expect(json.contains("\"reason\":\"union\""))
        #expect(json.contains("\"mustHold\":true"))
    }

    @Test func anExplanationTellsWhyATupleDoesNotCount() throws {
        let item = try CheckItem(parsing: "desk:a#late@user:ann")
        let desk = ObjectReference(type: "desk", id: "a")
        let failing = try tuple("desk:a#late@user:ann[hr:{\"least\":2}]")
        var early = try tuple("desk:a#late@user:*")
        early.notBefore = Timestamp(nanoseconds: 60_000_000_000)
        var expired = try tuple("desk:a#late@team:a#member")
        expired.expiresAt = Timestamp(nanoseconds: 20_000_000_000)
        let step = { (reason: ProofNode.Reason) in
            ProofNode(resource: desk, permission: "", decision: .hasNot, reason: reason)
        }
        let open = try tuple("desk:b#late@user:ann[hr]")
        let explanation = Explanation(
            decision: .hasNot,
            proof: ProofNode(
                resource: desk,
                permission: "late",
                decision: .hasNot,
                reason: .union([step(.tuple(failing)), step(.tuple(early)), step(.through(expired, step(.identity)))])
            ),
            suggestions: [
                Suggestion(
                    add: [],
                    context: [Suggestion.ContextNeed(tuple: failing, mustHold: true, missing: [], wrong: ["hour"])]
                ),
                Suggestion(
                    add: [open],
                    context: [Suggestion.ContextNeed(tuple: open, mustHold: true, missing: ["hour"])]
                ),
            ],
            time: Timestamp(nanoseconds: 30_000_000_000),
            conditions: [
                ExplainedCondition(
                    caveat: try #require(failing.caveat),
                    expression: "hour < 18 &&\n    hour > least",
                    given: ContextObject([("hour", .int(20))]),
                    decision: .hasNot
                )
            ]
        )
        let report = ExplainReport(item: item, answer: ExplainAnswer(explanation: explanation, zookie: zookie))
        #expect(
            report.text == """
                has-not  desk:a#late@user:ann  (revision 12)
                has-not  desk:a#late  none of
                ├─ has-not  by \(failing), which does not count: hr fails: hour < 18 && hour > least, with least 2 of the \
                tuple, hour 20 of the request
                ├─ has-not  by \(early), which did not count yet at 1970-01-01T00:00:30Z: it counts from \
                1970-01-01T00:01:00Z on
                └─ has-not  through \(expired), which did not count any more at 1970-01-01T00:00:30Z: it expired at \
                1970-01-01T00:00:20Z
                   └─ has-not  it is the subject itself
                would be allowed if
                  1. hr holds: hour < 18 && hour > least, given another hour (\(failing))
                  2. \(open) is added
                     and hr holds, given hour, there or with the request (\(open))

                """
        )
        let json = try JSONText.line(report)
        #expect(json.contains("\"outcome\":\"fails\""))
        #expect(json.contains("\"failure\":\"did not count yet"))
        #expect(json.contains("\"wrong\":[\"hour\"]"))
    }
}

struct LookupReportTests {
    @Test func resourcesNameTheirPermissionWhereSeveralWereAskedFor() {
        let permissions = [
            TypePermission(type: "document", permission: "view"), TypePermission(type: "folder", permission: "read"),
        ]
        let found = FoundResource(
            permission: 1,
            id: "f",
            decision: Decision(.conditional, missingContext: ["tier"])
        )
        let report = FoundResourceReport(found, of: permissions)
        #expect(report.text(namesPermission: true) == "folder:f#read  conditional, needs tier\n")
        #expect(report.text(namesPermission: false) == "folder:f  conditional, needs tier\n")
    }

    @Test func aWildcardNamesWhomItDoesNotStandFor() throws {
        let found = FoundSubject(
            permission: 0,
            kind: 0,
            id: "*",
            decision: .has,
            excluded: [
                ExcludedSubject(id: "eve", decision: .has),
                ExcludedSubject(id: "bob", decision: Decision(.conditional, missingContext: ["tier"])),
            ]
        )
        let report = FoundSubjectReport(found, of: ["view"], kinds: [SubjectKind(type: "user")])
        #expect(report.text(namesPermission: false) == "user:*  without user:eve, user:bob (needs tier)\n")
        #expect(try JSONText.line(report).contains("\"subjectID\":\"eve\""))
    }

    @Test func theEndSaysWhetherTheyAreAll() throws {
        let complete = LookupEndReport(count: 3, end: LookupEnd(zookie: zookie, next: nil), cursor: nil)
        #expect(complete.text == "3 found, complete (revision 12)\n")
        let cursor = LookupCursor(zookie: zookie, queryChecksum: 1, permission: 0, kind: 0, id: "x")
        let cut = LookupEndReport(count: 3, end: LookupEnd(zookie: zookie, next: cursor), cursor: "abc")
        #expect(cut.text.contains("more may follow") && cut.text.contains("--cursor abc"))
        #expect(try JSONText.line(cut).contains("\"complete\":false"))
    }

    @Test func permissionsAreATable() {
        let answer = PermissionsAnswer(
            entries: [
                .init(permission: "viewer", isRelation: true, decision: .hasNot),
                .init(
                    permission: "view",
                    isRelation: false,
                    decision: Decision(.conditional, missingContext: ["tier"])
                ),
            ],
            zookie: zookie
        )
        let report = PermissionsReport(
            resource: plan,
            subject: SubjectReference(type: "user", id: "a"),
            answer: answer
        )
        #expect(
            report.text == """
                PERMISSION  KIND        ANSWER
                viewer      relation    has-not
                view        permission  conditional, needs tier
                (revision 12)

                """
        )
    }
}

struct WatchReportTests {
    @Test func changesAreLinesWithTheirRevisionTimeAndMetadata() throws {
        let event = WatchEvent.changes(
            zookie: zookie,
            time: try Timestamp(rfc3339: "2026-11-26T03:00:00Z"),
            changes: [
                TupleChange(.created, try tuple("document:plan#viewer@user:a")),
                TupleChange(.expired, try tuple("document:plan#viewer@user:b")),
            ],
            metadata: ContextObject([("by", .string("alice"))]),
            isLast: true
        )
        #expect(
            WatchReport.text(event) == """
                created  document:plan#viewer@user:a  (revision 12, 2026-11-26T03:00:00Z)  {"by":"alice"}
                expired  document:plan#viewer@user:b  (revision 12, 2026-11-26T03:00:00Z)  {"by":"alice"}

                """
        )
        let lines = try WatchReport.json(event).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[1].contains("\"event\":\"expired\"") && lines[1].contains("\"by\":\"alice\""))
        #expect(lines[0].contains("\"zookie\":\"\(zookie)\""))
    }

    @Test func aCheckpointIsForProgramsOnly() throws {
        #expect(WatchReport.text(.checkpoint(zookie: zookie)) == "")
        #expect(try WatchReport.json(.checkpoint(zookie: zookie)).contains("\"event\":\"checkpoint\""))
    }
}

struct WriteReportTests {
    @Test func aSetRelationListsWhatChanged() throws {
        let changes = [
            TupleUpdate(.create, try tuple("document:plan#viewer@user:a")),
            TupleUpdate(.delete, try tuple("document:plan#viewer@user:b")),
        ]
        let report = SetReport(SetAnswer(changes: changes, zookie: zookie))
        #expect(
            report.text == """
                created  document:plan#viewer@user:a
                deleted  document:plan#viewer@user:b
                1 created, 0 touched, 1 deleted; zookie \(zookie)

                """
        )
        let many = WriteCounts(created: 500_000, touched: 0, deleted: 0)
        let counted = SetReport(SetAnswer(counts: many, changes: [], zookie: zookie))
        #expect(counted.text.contains("too many"))
    }

    @Test func tuplesKeepTheirCaveatAndTimesInJSON() throws {
        let text =
            "document:plan#viewer@user:a[net:{\"cidr\":\"10.0.0.0/8\",\"n\":[1,null]}][expiration:2026-12-01T00:00:00Z]"
        let json = try JSONText.line(TupleReport(try tuple(text)))
        #expect(json.contains("\"caveat\":{\"context\":{\"cidr\":\"10.0.0.0/8\",\"n\":[1,null]},\"name\":\"net\"}"))
        #expect(json.contains("\"expiresAt\":\"2026-12-01T00:00:00Z\""))
        #expect(!json.contains("notBefore"))
    }

    @Test func aDeletionSaysWhetherMoreIsLeft() {
        #expect(
            DeletionReport(deleted: 1, complete: true, zookie: zookie).text
                == "1 relationship deleted; zookie \(zookie)\n"
        )
        #expect(DeletionReport(deleted: 2, complete: false, zookie: zookie).text.contains("more are left"))
    }
}
