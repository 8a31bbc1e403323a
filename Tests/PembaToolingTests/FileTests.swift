// Pemba: tests of the files that tools read.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

struct RelationshipFileTests {
    @Test func commentsAndBlankLinesArePassedOver() throws {
        let text = "// a comment\n\n  doc:1#viewer@user:a  \r\n\t// another\ndoc:2#viewer@team:b#member"
        #expect(
            try RelationshipFile.parse(text, name: "f").map(\.description) == [
                "doc:1#viewer@user:a", "doc:2#viewer@team:b#member",
            ]
        )
    }

    @Test func anErrorNamesTheFileTheLineAndTheRule() {
        #expect { try RelationshipFile.parse("doc:1#viewer@user:a\n\ndoc:2@user:a\n", name: "company") } throws: {
            "\($0)".hasPrefix("company:3: `doc:2@user:a` is not a relationship") && "\($0)".contains("there is no `#`")
        }
    }

    @Test func updatesNameTheirOperation() throws {
        let text = """
            // Ann moves.
            delete team:a#member@user:ann

              create   team:b#member@user:ann[expiration:2030-01-01T00:00:00Z]
            touch team:b#member@user:bob
            """
        let updates = try UpdateFile.parse(text, name: "changes")
        #expect(updates.map(\.operation) == [.delete, .create, .touch])
        #expect(
            updates.map(\.tuple.description) == [
                "team:a#member@user:ann", "team:b#member@user:ann[expiration:2030-01-01T00:00:00Z]",
                "team:b#member@user:bob",
            ]
        )
    }

    @Test(arguments: [
        ("create team:a#member@user:ann\nremove team:a#member@user:ann", "changes:2: `remove"),
        ("create", "changes:1: `create`"), ("touch team:a", "changes:1: "), ("// nothing", "changes holds no update"),
    ])
    func whatIsNoUpdateIsNamed(text: String, reason: String) {
        let error = #expect(throws: ToolError.self) { try UpdateFile.parse(text, name: "changes") }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func tuplesAreReadAsTheyAreWanted() throws {
        let text = "doc:1#viewer@user:a\n\n// two\ndoc:2#viewer@user:é[net:{\"a\":1}]\ndoc:3#viewer@user:c\nbroken\n"
        let reader = RelationshipReader(utf8: Array(text.utf8), name: "f")
        #expect(RelationshipReader.count(inUTF8: Array(text.utf8)) == 4)
        #expect(reader.skip(2) == "doc:2#viewer@user:é[net:{\"a\":1}]")
        #expect(reader.next()?.description == "doc:3#viewer@user:c")
        #expect(reader.next() == nil)
        #expect(reader.error?.description.hasPrefix("f:6: `broken`") == true)
        #expect(RelationshipReader(utf8: Array(text.utf8), name: "f").skip(5) == nil)
    }

    @Test func bytesThatAreNoTextAreRefused() {
        let reader = RelationshipReader(utf8: Array("doc:1#viewer@user:".utf8) + [0xFF, 0x0A], name: "f")
        #expect(reader.next() == nil)
        #expect(reader.error?.description.contains("UTF-8") == true)
    }

    @Test(arguments: [
        "doc:1#viewer@user:a", "doc:1#viewer@user:*",
        "doc:1#viewer@team:b#member[net][expiration:2026-12-01T00:00:00Z]",
    ])
    func linesAreReadBack(text: String) throws {
        #expect(try RelationshipFile.line(for: RelationTuple(parsing: text)) == text)
    }

    @Test(arguments: [("a#b", "c"), ("a", "c#d"), ("a", "c[d]"), ("a", "c ")])
    func idsThatHoldMarksHaveNoLine(resource: String, subject: String) {
        let tuple = RelationTuple(
            resource: ObjectReference(type: "doc", id: resource),
            relation: "viewer",
            subject: SubjectReference(type: "user", id: subject)
        )
        #expect { try RelationshipFile.line(for: tuple) } throws: { "\($0)".contains("--json") }
    }

    @Test func theExampleCompanyIsReadable() throws {
        let path = Conformance.repository.appendingPathComponent("cluster/examples/code-hosting.relationships").path
        #expect(try RelationshipFile.parse(TextFile.read(path), name: path).count > 4_000)
    }
}

struct ExpectedChecksTests {
    @Test func answersAreOptional() throws {
        let checks = try ExpectedChecks.parse(
            "doc:1#view@user:a => has\ndoc:1#view@user:b => has-not\n// x\ndoc:1#view@user:c\n",
            name: "f"
        )
        #expect(checks.map(\.expected) == [.hasPermission, .noPermission, nil])
        #expect(checks.map(\.line) == [1, 2, 4])
        #expect(checks[0].item.description == "doc:1#view@user:a")
    }

    @Test func contextsFollowTheQuestion() throws {
        let checks = try ExpectedChecks.parse(
            "doc:1#view@user:a with {\"way\": \"a => b\"} => conditional\ndoc:1#view@user:a with {\"way\": \"a => b\"}\n",
            name: "f"
        )
        #expect(checks.map(\.expected) == [.conditional, nil])
        #expect(checks.map(\.item.context.json) == ["{\"way\":\"a => b\"}", "{\"way\":\"a => b\"}"])
    }

    @Test(arguments: [
        ("doc:1#view@user:a => maybe", "`maybe` is not an answer"), ("doc:1#view@user:*", "one subject"),
        ("doc:1#view@user:a[net]", "neither caveat nor times"), ("doc:1#view@user:a with {", "not a JSON object"),
    ])
    func brokenChecksAreRefused(line: String, reason: String) {
        #expect { try ExpectedChecks.parse(line, name: "f") } throws: {
            "\($0)".hasPrefix("f:1: ") && "\($0)".contains(reason)
        }
    }
}

struct ValidationFileTests {
    private func parse(_ text: String) throws -> ValidationFile {
        try ValidationFile(text: text, name: "f.yaml", folder: URL(fileURLWithPath: "/tmp"))
    }

    @Test func schemaRelationshipsAndAssertionsAreRead() throws {
        let file = try parse(
            """
            schema: |+
              definition user {}
            relationships: >-
              doc:1#viewer@user:a#...

              doc:1#viewer@user:b
            assertions:
              assertTrue:
                - "doc:1#view@user:a#..."
              assertFalse:
                - doc:1#view@user:c
              assertCaveated:
                - 'doc:1#view@user:d with {"tier": 1}'
            validation:
              doc:1#view:
                - "[user:a] is <doc:1#viewer>/<doc:1#owner>"
                - "[user:*[...]] - {user:b, user:c[...]} is <doc:1#viewer>"
              doc:2#view: []
            """
        )
        #expect(file.schema == "definition user {}\n")
        #expect(file.relationships.map(\.description) == ["doc:1#viewer@user:a", "doc:1#viewer@user:b"])
        #expect(file.assertions.map(\.expected) == [.hasPermission, .noPermission, .conditional])
        #expect(file.assertions.last?.item.context.json == "{\"tier\":1}")
        #expect(file.relations.map { "\($0.resource)#\($0.permission)" } == ["doc:1#view", "doc:2#view"])
        #expect(
            file.relations[0].subjects.map(\.text) == [
                "[user:a] is <doc:1#owner>/<doc:1#viewer>",
                "[user:*[...]] - {user:b, user:c[...]} is <doc:1#viewer>",
            ]
        )
        #expect(file.relations[0].subjects[1].isCaveated)
    }

    @Test(arguments: [
        ("schema: [", "not YAML"), ("- a", "is a mapping"), ("relationships: x", "neither `schema` nor `schemaFile`"),
        ("schema: a\nschemaFile: b", "leave one out"), ("schema: a\nassertion: {}", "unknown key `assertion`"),
        ("schema: a\nassertions: {assertMaybe: []}", "unknown key `assertions.assertMaybe`"),
        ("schema: a\nassertions: {assertTrue: ['doc:1#v@user:a with {']}", "not a JSON object"),
        ("schema: a\nassertions: {assertTrue: ['doc']}", "there is no `#`"),
        ("schema: a\nrelationships: 'doc'", "f.yaml (relationships):1:"),
        ("schema: a\nvalidation: {x: [y]}", "`x` is not of the form"), ("schema: a\nvalidation: [x]", "is a mapping"),
        ("schema: a\nvalidation: {'doc:1#v': ['user:a']}", "a line is written"),
        ("schema: a\nvalidation: {'doc:1#v': ['[user]']}", "`user` is not a subject"),
        ("schemaFile: /nowhere/at/all.zed", "/nowhere/at/all.zed"),
    ])
    func brokenFilesAreRefusedWithTheRule(text: String, reason: String) {
        #expect { try parse(text) } throws: { "\($0)".contains(reason) }
    }
}

struct TextFileTests {
    @Test func filesThatCannotBeReadAreNamed() {
        #expect { try TextFile.read("/nowhere/at/all") } throws: { "\($0)".contains("/nowhere/at/all does not exist") }
        #expect { try TextFile.read("/tmp") } throws: { "\($0)".contains("is a folder") }
    }

    @Test func devicesAreFilesToo() throws {
        #expect(try TextFile.read("/dev/null") == "")
    }

    @Test func privateFilesAreForTheirOwnerOnly() throws {
        let path = NSTemporaryDirectory() + "pemba-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try TextFile.write("secret", to: path, mode: 0o600)
        try TextFile.write("secret again", to: path, mode: 0o600)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(try TextFile.read(path) == "secret again")
    }
}
