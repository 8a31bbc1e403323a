// Pemba: tests of validation: schemas, expected subjects, and the files of others.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

struct SubjectSetTests {
    private func node(_ permission: String, _ content: ExpandTree.Content) -> ExpandTree {
        ExpandTree(resource: ObjectReference(type: "doc", id: "1"), permission: permission, content: content)
    }

    private func leaf(_ tuples: String...) throws -> ExpandTree {
        node("viewer", .leaf(try tuples.map { ExpandTree.Leaf(tuple: try RelationTuple(parsing: $0)) }))
    }

    private func lines(_ tree: ExpandTree) -> [String] { SubjectSet(of: tree).subjects.map(\.text) }

    @Test func aUnionKeepsWildcardsAndConcretes() throws {
        let tree = node("view", .union([try leaf("doc:1#viewer@user:*"), try leaf("doc:1#owner@user:a[net]")]))
        #expect(lines(tree) == ["[user:*] is <doc:1#viewer>", "[user:a[...]] is <doc:1#owner>"])
    }

    @Test func anIntersectionMeetsWildcards() throws {
        let all = try leaf("doc:1#viewer@user:*[net]", "doc:1#viewer@user:b")
        let tree = node("view", .intersection([all, try leaf("doc:1#owner@user:a", "doc:1#owner@user:b")]))
        #expect(
            lines(tree) == ["[user:a[...]] is <doc:1#owner>", "[user:b] is <doc:1#owner>/<doc:1#viewer>"]
        )
    }

    @Test func anExclusionIsTakenFromWildcards() throws {
        let banned = try leaf("doc:1#banned@user:a", "doc:1#banned@user:b[net]")
        let tree = node(
            "view",
            .exclusion([try leaf("doc:1#viewer@user:*", "doc:1#viewer@user:a", "doc:1#viewer@user:b"), banned])
        )
        #expect(
            lines(tree) == [
                "[user:*] - {user:a, user:b[...]} is <doc:1#viewer>", "[user:b[...]] is <doc:1#viewer>",
            ]
        )
    }

    @Test func usersetsAreListedWithWhatTheyComeTo() throws {
        let members = ExpandTree(
            resource: ObjectReference(type: "team", id: "t"),
            permission: "member",
            content: .leaf([ExpandTree.Leaf(tuple: try RelationTuple(parsing: "team:t#member@user:a"))])
        )
        let tuple = try RelationTuple(parsing: "doc:1#viewer@team:t#member[net]")
        let tree = node("viewer", .leaf([ExpandTree.Leaf(tuple: tuple, expansion: members)]))
        #expect(lines(tree) == ["[team:t#member[...]] is <doc:1#viewer>", "[user:a[...]] is <team:t#member>"])
    }

    @Test func aCycleEnds() throws {
        let again = ExpandTree(
            resource: ObjectReference(type: "team", id: "t"),
            permission: "member",
            content: .repeated
        )
        let tuple = try RelationTuple(parsing: "team:t#member@team:t#member")
        let tree = ExpandTree(
            resource: ObjectReference(type: "team", id: "t"),
            permission: "member",
            content: .leaf([
                ExpandTree.Leaf(tuple: tuple, expansion: again),
                ExpandTree.Leaf(tuple: try RelationTuple(parsing: "team:t#member@user:a")),
            ])
        )
        #expect(lines(tree) == ["[team:t#member] is <team:t#member>", "[user:a] is <team:t#member>"])
    }

    @Test func differencesNameTheLine() throws {
        let expected = try ExpectedRelations(
            key: "doc:1#viewer",
            lines: ["[user:a] is <doc:1#viewer>", "[user:b]", "[user:c] is <doc:1#owner>"]
        )
        let tree = try leaf("doc:1#viewer@user:a", "doc:1#viewer@user:c", "doc:1#viewer@user:d")
        let outcome = ValidationOutcome(expected, .success(tree))
        #expect(
            outcome.failures == [
                "doc:1#viewer: expected `[user:b]`, which does not have it",
                "doc:1#viewer: expected `[user:c] is <doc:1#owner>`, found `[user:c] is <doc:1#viewer>`",
                "doc:1#viewer: found `[user:d] is <doc:1#viewer>`, which is not expected",
            ]
        )
        #expect(ValidationReport(file: "f", outcomes: [outcome]).failed == 1)
    }
}

struct LookupFileTests {
    private static let schema = """
        schema: |-
          caveat ready(now bool) { now }
          definition user {}
          definition doc {
            relation viewer: user | user with ready | user:*
            relation banned: user
            permission view = viewer - banned
          }
        relationships: |-
          doc:a#viewer@user:u
          doc:b#viewer@user:u[ready]
          doc:c#viewer@user:*
          doc:c#banned@user:u
        """

    /// The report on the file above with `lookups` beside it.
    private func report(_ lookups: String) async throws -> ValidationReport {
        let folder = NSTemporaryDirectory() + "pemba-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try TextFile.write(LookupFileTests.schema, to: folder + "/case.yaml")
        try TextFile.write(lookups, to: folder + "/case.lookups.json")
        return await InProcessValidator.validate(folder + "/case.yaml")
    }

    private func resources(_ has: String, _ conditional: String, _ more: String = "") -> String {
        """
        {"lookup_resources": [{"resource_type": "doc", "permission": "view", "subject": "user:u",
          "has": [\(has)], "conditional": [\(conditional)]}]\(more)}
        """
    }

    private func subjects(_ excluded: String) -> String {
        """
        {"lookup_subjects": [{"resource": "doc:c", "permission": "view", "subject_type": "user",
          "has": ["*"], "excluded_from_wildcard": {\(excluded)}}]}
        """
    }

    @Test func whatIsFoundIsCompared() async throws {
        let right = try await report(resources(#""a""#, #""b""#))
        #expect(right.error == nil && right.assertions == 1 && right.failures.isEmpty)
        #expect(
            try await report(resources(#""a", "b", "d""#, "")).failures == [
                "lookup of doc#view for user:u: `b`: expected has, found conditional",
                "lookup of doc#view for user:u: `d`: expected has, found no such item",
            ]
        )
        #expect(try await report(subjects(#""u": "has""#)).failures.isEmpty)
        #expect(
            try await report(subjects("")).failures == [
                "lookup of user on doc:c#view: `u`: expected no such item, found has among those excluded from the wildcard"
            ]
        )
    }

    @Test func theCheckDecidesAboutWhatIsDisputed() async throws {
        let dispute = """
            , "contradictions": [
              {"lookup_resources": ["doc", "view", "user:u", {}], "differs_from_check": ["b", "c"]}
            ]
            """
        #expect(try await report(resources(#""a", "b", "c""#, "", dispute)).failures.isEmpty)
        #expect(try await report(resources("", "", dispute)).failures.count == 1)
    }

    @Test func missingContextIsCompared() async throws {
        func missing(_ names: String) -> String { #"{"missing_context": {"doc:b#view@user:u": [\#(names)]}}"# }
        let right = try await report(missing(#""now", "now""#))
        #expect(right.assertions == 1 && right.failures.isEmpty)
        #expect(
            try await report(missing(#""then""#)).failures == [
                "doc:b#view@user:u: expected conditional (needs then), got conditional (needs now)"
            ]
        )
    }

    @Test(arguments: [
        ("{", "is not a JSON object"), (#"{"lookups": []}"#, "unknown key `lookups`"),
        (#"{"lookup_resources": [{"permission": "view"}]}"#, "item 1 of `lookup_resources`: `resource_type`"),
        (#"{"errors": ["x"]}"#, "`errors`"),
    ])
    func whatIsNotUnderstoodIsRefused(text: String, reason: String) async throws {
        #expect(try await report(text).error?.contains(reason) == true)
    }
}

/// Goal: every rule of the language and every wrong answer that others gave is answered as `Tests/Cases` has it.
struct OwnCaseTests {
    @Test func everyCaseHoldsInProcess() async throws {
        let files = OwnCases.files
        #expect(files.count > 40)
        var reports: [ValidationReport] = []
        for file in files { reports.append(await InProcessValidator.validate(file)) }
        let summary = ValidationSummary(reports)
        #expect(summary.holds, "\(summary.text)")
    }

    @Test func everyCaseIsListedAndSaysWhatItIsFor() throws {
        let list = try TextFile.read(OwnCases.folder + "/README.md")
        for file in OwnCases.files {
            let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
            #expect(list.contains("`\(name)`"), "\(name) is not in the list of cases")
            #expect(try TextFile.read(file).hasPrefix("# "), "\(name) does not say what it is for")
        }
    }
}

@Suite(.enabled(if: Conformance.isAvailable, "PEMBA_CONFORMANCE names no folder with the data"))
struct ForeignFileTests {
    @Test(arguments: [("spicedb/testconfigs", 52), ("oracle", 150)])
    func everyFileHoldsInProcess(folder: String, count: Int) async {
        let files = Conformance.files(in: folder, suffix: ".yaml").map(\.path)
        #expect(files.count == count)
        var reports: [ValidationReport] = []
        for file in files { reports.append(await InProcessValidator.validate(file)) }
        let summary = ValidationSummary(reports)
        #expect(summary.holds, "\(summary.text)")
    }
}

struct SchemaFileTests {
    private func inFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "pemba-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, text) in files {
            let place = URL(fileURLWithPath: "\(folder)/\(name)")
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try TextFile.write(text, to: place.path)
        }
        try body(folder)
    }

    @Test func importsAreReadFromTheFolderOfTheFile() throws {
        let files = [
            "root.zed": "use import\nimport \"parts/user.zed\"\ndefinition doc {\n  relation viewer: user\n}\n",
            "parts/user.zed": "definition user {}\n",
        ]
        try inFolder(files) { folder in
            let schema = try SchemaFile(path: folder + "/root.zed")
            #expect(try schema.compiled().definitions.map(\.name).sorted() == ["doc", "user"])
            #expect(!schema.source.contains("import"))
        }
    }

    @Test func errorsOfImportedFilesAreAtTheirPlace() throws {
        let files = [
            "root.zed": "use import\nimport \"user.zed\"\n", "user.zed": "definition user {\n  relation a: nobody\n}\n",
        ]
        try inFolder(files) { folder in
            #expect { try SchemaFile(path: folder + "/root.zed").compiled() } throws: {
                "\($0)".contains("user.zed:2:")
            }
        }
    }

    @Test func lintSaysWhetherThereAreErrorsOrWarnings() throws {
        func lint(_ source: String) -> SchemaLint {
            SchemaFile.lint(source: source, name: "f.zed", folder: "/tmp")
        }
        let clean = lint("definition user {}\n")
        #expect(clean.isClean && !clean.hasErrors)
        #expect(clean.text == "0 errors, 0 warnings\n")
        let warned = lint("definition user {}\ndefinition doc {\n  relation doc: user\n}\n")
        #expect(!warned.isClean && !warned.hasErrors, "\(warned.text)")
        #expect(warned.text.contains("f.zed:3:"))
        #expect(lint("definition doc {\n  relation a: nobody\n}\n").hasErrors)
        // What cannot be parsed, or imports what is not there, is a finding like any other.
        let broken = lint("definition user {\n  relation a user\n}\n")
        #expect(broken.hasErrors && broken.text.contains("f.zed:2:14"), "\(broken.text)")
        #expect(try JSONText.encode(broken).contains("\"line\" : 2"))
        #expect(lint("use import\nimport \"not-there.zed\"\n").text.contains("f.zed:2:8"))
    }

    @Test func aDiffNamesWhatChanges() throws {
        let old = try SchemaFile(source: "definition user {}\n", name: "a", folder: ".").compiled()
        let new = try SchemaFile(source: "definition user {}\ndefinition doc {}\n", name: "b", folder: ".").compiled()
        #expect(SchemaDiffReport(from: old, to: new).text == "definition `doc` added\n")
        #expect(SchemaDiffReport(from: old, to: old).isEmpty)
    }

    @Test func formattingKeepsWhatIsFormatted() throws {
        let formatted = try SchemaFormatting.format("definition user{}", name: "f")
        #expect(try SchemaFormatting.format(formatted, name: "f") == formatted)
        #expect { try SchemaFormatting.format("definition {", name: "f.zed") } throws: { "\($0)".contains("f.zed:1:") }
    }
}

struct ValidationSummaryTests {
    @Test func aFileThatExpectsNothingSaysSo() {
        let summary = ValidationSummary([ValidationReport(file: "a.yaml", outcomes: [])])
        #expect(summary.holds && !summary.hasErrors)
        #expect(summary.text.contains("a.yaml: 0 of 0 hold\n       note: the file expects nothing"), "\(summary.text)")
    }
}

struct WatchProgressTests {
    private func zookie(_ revision: UInt64) -> Zookie {
        Zookie(cluster: ClusterID(high: 1, low: 2), epoch: .first, revision: Revision(revision))
    }

    /// A revision that came in parts is gone on after only when all of it was printed.
    @Test func itGoesOnAfterTheLastWholeRevision() throws {
        var progress = WatchProgress()
        #expect(progress.advice == "0 changes were printed, and no revision as a whole: the same command begins anew")
        let tuple = try RelationTuple(parsing: "doc:1#viewer@user:a")
        progress.note(.tuples([tuple, tuple]))
        #expect(progress.advice.hasPrefix("2 relationships and 0 changes were printed, and no revision as a whole"))
        progress.note(.checkpoint(zookie: zookie(3)))
        #expect(progress.advice.hasSuffix("; go on with --since \(zookie(3))"))
        func changes(_ revision: UInt64, isLast: Bool) -> WatchEvent {
            .changes(
                zookie: zookie(revision),
                time: Timestamp(nanoseconds: 1),
                changes: [TupleChange(.created, tuple)],
                metadata: .empty,
                isLast: isLast
            )
        }
        progress.note(changes(4, isLast: false))
        #expect(progress.advice.hasSuffix("1 changes were printed; go on with --since \(zookie(3))"))
        progress.note(changes(4, isLast: true))
        #expect(progress.advice.hasSuffix("2 changes were printed; go on with --since \(zookie(4))"))
        progress.note(.schema(zookie: zookie(5), source: ""))
        #expect(progress.advice.hasSuffix("3 changes were printed; go on with --since \(zookie(5))"))
    }
}

struct ImportReportTests {
    /// What was in flight at a break is sent again, and exists then; it is not counted twice.
    @Test func whatIsSentTwiceIsCountedOnce() throws {
        let before = ImportProgress(relationships: 5_000, last: "", created: 5_900, existing: 100)
        let after = ImportSummary(done: 2_000, created: 1_000, existing: 1_000, zookie: nil)
        let report = RelationshipImport.Report(after, after: before, elapsed: .seconds(1))
        #expect(report.created == 6_900 && report.existing == 100)
        #expect(report.text.hasPrefix("7000 relationships imported (6900 new, 100 existing)"), "\(report.text)")
    }
}

struct ImportProgressTests {
    @Test func itIsKeptInAFileAndFindsItsPlaceAgain() throws {
        let path = NSTemporaryDirectory() + "pemba-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try ImportProgress.read(path) == nil)
        let progress = ImportProgress(relationships: 2, last: "doc:2#viewer@user:a", created: 1, existing: 1)
        try progress.write(to: path)
        #expect(try ImportProgress.read(path) == progress)
        let text = (1...3).map { "doc:\($0)#viewer@user:a\n" }.joined()
        let reader = RelationshipReader(RelationshipText(utf8: Array(text.utf8), name: "f"))
        try progress.skip(in: reader, file: "f")
        #expect(reader.next()?.resource.id == "3")
        let changed = Array("doc:1#viewer@user:a\ndoc:9#viewer@user:a\n".utf8)
        let other = RelationshipReader(RelationshipText(utf8: changed, name: "f"))
        #expect { try progress.skip(in: other, file: "f") } throws: { "\($0)".contains("is not the file") }
        try TextFile.write("{}", to: path)
        #expect { try ImportProgress.read(path) } throws: { "\($0)".contains("progress") }
    }
}

struct ToolTextTests {
    @Test func aMomentIsARevisionAZookieOrATime() throws {
        let zookie = Zookie(cluster: ClusterID(high: 1, low: 2), epoch: .first, revision: Revision(3))
        #expect(try ToolText.moment("17") == .atRevision(Revision(17)))
        #expect(try ToolText.moment(zookie.description) == .atExactSnapshot(zookie))
        #expect(try ToolText.moment("1970-01-01T00:00:01Z") == .atTime(Timestamp(nanoseconds: 1_000_000_000)))
        let filter = try ToolText.filter("document:plan#viewer@team:eng#member")
        #expect(filter.resourceType == "document" && filter.resourceID == "plan" && filter.relation == "viewer")
        #expect(filter.subjectType == "team" && filter.subjectID == "eng" && filter.subjectRelation == .named("member"))
        #expect(try ToolText.filter("document") == RelationshipFilter(resourceType: "document"))
        #expect(try ToolText.filter("@user:x") == RelationshipFilter(subjectType: "user", subjectID: "x"))
        #expect(try ToolText.filter("#viewer") == RelationshipFilter(relation: "viewer"))
        let quoted = try ToolText.filter(##"document:"a#b@c"#viewer@team:"d @ e"#member"##)
        #expect(quoted.resourceID == "a#b@c" && quoted.relation == "viewer")
        #expect(quoted.subjectID == "d @ e" && quoted.subjectRelation == .named("member"))
        for text in ["document#", "document@", "", "@", "document:plan#viewer@#member", "document:@user:a", "@user:a#"]
        {
            #expect(throws: ToolError.self) { try ToolText.filter(text) }
        }
        // What messages show of a filter is what may be typed.
        for text in [
            "document:plan#viewer@team:eng#member", "document", "@user:x", "#viewer", ##"document:"a@b""##, "@team#...",
        ] {
            #expect(try ToolText.filter(text).description == text)
        }
        #expect { try ToolText.moment("yesterday") } throws: { "\($0)".contains("`yesterday` is neither") }
    }

    @Test func permissionsAndKindsAreNamed() throws {
        #expect(try ToolText.typePermission("document#view") == TypePermission(type: "document", permission: "view"))
        #expect(try ToolText.subjectKind("team#member") == SubjectKind(type: "team", relation: "member"))
        #expect(try ToolText.subjectKind("user#...") == SubjectKind(type: "user"))
        #expect(try ToolText.objectPermission("document:plan#view").permission == "view")
        #expect { try ToolText.typePermission("document:plan#view") } throws: { "\($0)".contains("a whole type") }
        #expect(try ToolText.objectPermission(##"document:"a#b"#view"##).object.id == "a#b")
        #expect { try ToolText.object("repository:x#push") } throws: { "\($0)".contains("without `#`") }
        #expect { try ToolText.subject("user:*") } throws: { "\($0)".contains("one subject") }
        #expect { try ToolText.context("[1]") } throws: { "\($0)".contains("context `[1]`") }
    }

    /// What watchers are told may be longer than what a question brings; what is too long is not shown as a whole.
    @Test func metadataHasItsOwnLimit() throws {
        func object(_ bytes: Int) -> String { "{\"a\":\"\(String(repeating: "x", count: bytes - 8))\"}" }
        #expect(try !ToolText.metadata(object(Limits.metadataBytes)).isEmpty)
        #expect(try !ToolText.context(object(Limits.requestContextBytes)).isEmpty)
        let metadata = #expect(throws: ToolError.self) { try ToolText.metadata(object(Limits.metadataBytes + 1)) }
        #expect(metadata?.description.contains("beyond its \(Limits.metadataBytes) bytes") == true)
        #expect(metadata.map { $0.description.utf8.count < 500 } == true)
        #expect(throws: ToolError.self) { try ToolText.context(object(Limits.requestContextBytes + 1)) }
    }
}
