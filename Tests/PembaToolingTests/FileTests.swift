// Pemba: tests of the files that tools read.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaService
import PembaTestSupport
import PembaTooling
import Testing

/// A text as the content of the file `f`.
private func source(_ text: String) -> RelationshipText { RelationshipText(utf8: Array(text.utf8), name: "f") }

struct RelationshipFileTests {
    @Test func commentsAndBlankLinesArePassedOver() throws {
        let text = "// a comment\n\n  doc:1#viewer@user:a  \r\n\t// another\ndoc:2#viewer@team:b#member"
        #expect(
            try RelationshipFile.parse(source(text)).map(\.description) == [
                "doc:1#viewer@user:a", "doc:2#viewer@team:b#member",
            ]
        )
    }

    @Test func anErrorNamesTheFileTheLineAndTheRule() {
        #expect { try RelationshipFile.parse(source("doc:1#viewer@user:a\n\ndoc:2@user:a\n")) } throws: {
            "\($0)".hasPrefix("f:3: `doc:2@user:a` is not a relationship") && "\($0)".contains("there is no `#`")
        }
    }

    @Test func updatesNameTheirOperation() throws {
        let text = """
            // Ann moves.
            delete team:a#member@user:ann

              create   team:b#member@user:ann[expiration:2030-01-01T00:00:00Z]
            touch team:b#member@user:bob
            """
        let file = try UpdateFile(text, name: "changes")
        let updates = file.updates
        #expect(updates.map(\.operation) == [.delete, .create, .touch])
        #expect(
            updates.map(\.tuple.description) == [
                "team:a#member@user:ann", "team:b#member@user:ann[expiration:2030-01-01T00:00:00Z]",
                "team:b#member@user:bob",
            ]
        )
        // What the server says about one of them is found in the file.
        let error = ServiceError(.alreadyExists, "it exists", details: [.init("position", "1")])
        #expect(file.place(of: error) == "changes:4")
        #expect(file.place(of: ServiceError(.preconditionFailed, "no tuple matches")) == nil)
        #expect(file.place(of: ServiceError(.alreadyExists, "it exists", details: [.init("position", "3")])) == nil)
    }

    @Test(arguments: [
        ("create team:a#member@user:ann\nremove team:a#member@user:ann", "changes:2: `remove"),
        ("create", "changes:1: `create`"), ("touch team:a", "changes:1: "), ("// nothing", "changes holds no update"),
    ])
    func whatIsNoUpdateIsNamed(text: String, reason: String) {
        let error = #expect(throws: ToolError.self) { try UpdateFile(text, name: "changes") }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test func tuplesAreReadAsTheyAreWanted() throws {
        let text = "doc:1#viewer@user:a\n\n// two\ndoc:2#viewer@user:é[net:{\"a\":1}]\ndoc:3#viewer@user:c\nbroken\n"
        let reader = RelationshipReader(source(text))
        #expect(source(text).tupleCount == 4)
        #expect((0...4).map { source(text).place(ofTupleAfter: $0) } == ["f:1", "f:4", "f:5", "f:6", nil])
        #expect(reader.skip(2) == "doc:2#viewer@user:é[net:{\"a\":1}]")
        #expect(reader.next()?.description == "doc:3#viewer@user:c")
        #expect(reader.next() == nil)
        #expect(reader.error?.description.hasPrefix("f:6: `broken`") == true)
        #expect(RelationshipReader(source(text)).skip(5) == nil)
    }

    @Test func bytesThatAreNoTextAreRefused() {
        let text = RelationshipText(utf8: Array("doc:1#viewer@user:".utf8) + [0xFF, 0x0A], name: "f")
        let reader = RelationshipReader(text)
        #expect(reader.next() == nil)
        #expect(reader.error?.description.contains("UTF-8") == true)
    }

    /// Whatever ids hold: what an export writes is read back the same, as text, as a validation file and as updates.
    @Test(arguments: Array(Seeds(short: 3, full: 300)))
    func whatIsWrittenIsReadBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let tuples = (0..<200).map { _ in NastyIDs.tuple(&random) }
        let replay = Seeds.replay(seed, "RelationshipFileTests")
        #expect(try RelationshipFile.parse(source(tuples.map { "\($0)\n" }.joined())) == tuples, "\(replay)")

        let lines = tuples.map { PembaTooling.ValidationText.line($0) }.joined()
        let yaml = PembaTooling.ValidationText.head(schema: "definition user {}") + lines
        let file = try ValidationFile(
            text: yaml + PembaTooling.ValidationText.tail(isEmpty: false),
            name: "f.yaml",
            folder: URL(fileURLWithPath: "/tmp")
        )
        #expect(file.relationships == tuples, "\(replay)")
        // What import makes of such a file.
        #expect(try RelationshipFile.parse(file.relationshipText) == tuples, "\(replay)")

        let updates = try UpdateFile(tuples.map { "touch \($0)\n" }.joined(), name: "f").updates
        #expect(updates == tuples.map { TupleUpdate(.touch, $0) }, "\(replay)")
    }

    /// Whatever a schema's comments hold, and however its lines end: a validation file gives it back.
    @Test(arguments: Array(Seeds(short: 5, full: 300)))
    func theSchemaOfAnExportIsReadBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for isPlain in [true, false] {
            for _ in 0..<100 {
                let schema = NastyIDs.text(&random, isPlain: isPlain)
                let yaml = PembaTooling.ValidationText.head(schema: schema)
                let file = try ValidationFile(
                    text: yaml + PembaTooling.ValidationText.tail(isEmpty: true),
                    name: "f.yaml",
                    folder: URL(fileURLWithPath: "/tmp")
                )
                // A block has no empty lines at its end.
                func text(_ schema: String) -> [Unicode.Scalar] {
                    var scalars = Array(schema.unicodeScalars)
                    while yaml.hasPrefix("schema: |"), scalars.last == "\n" { scalars.removeLast() }
                    return scalars
                }
                #expect(text(file.schema) == text(schema), "\(Seeds.replay(seed, "RelationshipFileTests"))")
            }
        }
    }

    @Test func aMarkAtTheBeginningOfAFileIsNoPartOfALine() throws {
        let text = RelationshipText(
            utf8: [0xEF, 0xBB, 0xBF] + Array("doc:1#viewer@user:a\ndoc:2#viewer@user:b\n".utf8),
            name: "f"
        )
        let tuples = try RelationshipFile.parse(text)
        #expect(tuples.map(\.description) == ["doc:1#viewer@user:a", "doc:2#viewer@user:b"])
        #expect(text.place(ofTupleAfter: 1) == "f:2" && text.tupleCount == 2)
    }

    /// Questions and expected subjects name the same ids.
    @Test(arguments: Array(Seeds(short: 3, full: 300)))
    func questionsAboutThemAreReadBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let tuple = NastyIDs.tuple(&random)
            let replay = "\(tuple) \(Seeds.replay(seed, "RelationshipFileTests"))"
            let context = tuple.caveat?.context ?? .empty
            let item = CheckItem(
                resource: tuple.resource,
                permission: "view",
                subject: tuple.subject,
                context: context
            )
            let checks = try ExpectedChecks.parse("\(item)\n\(item) => has\n", name: "f")
            #expect(checks.map(\.item) == [item, item], "\(replay)")
            #expect(checks.map(\.expected) == [nil, .hasPermission], "\(replay)")

            let wildcard = SubjectReference(type: "user", id: SubjectReference.wildcardID)
            let expected = ExpectedSubject(
                subject: random.chance(1, in: 2) ? tuple.subject : wildcard,
                isCaveated: random.chance(1, in: 2),
                excluded: [tuple.subject, SubjectReference(type: "user", id: NastyIDs.id(&random))].map {
                    ExpectedSubject.Exclusion(subject: $0, isCaveated: random.chance(1, in: 2))
                },
                relations: [
                    "\(tuple.resource)#viewer", "\(ObjectReference(type: "doc", id: NastyIDs.id(&random)))#owner",
                ]
                .sorted()
            )
            #expect(try ExpectedSubject(parsing: expected.text) == expected, "\(replay)")
            // In a filter the resource ends at the first `@`.
            guard !tuple.resource.id.contains("@") else { continue }
            let filter = try ToolText.filter("\(tuple.key)")
            #expect(filter.matches(tuple) && filter.resourceID != nil && filter.subjectID != nil, "\(replay)")
        }
    }

    @Test func theExampleCompanyIsReadable() throws {
        let path = Conformance.repository.appendingPathComponent("cluster/examples/code-hosting.relationships").path
        #expect(try RelationshipFile.parse(RelationshipFile.text(ofFile: path)).count > 4_000)
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

    /// Of a block of lines, which is what people write, a mistake is named by its line in the file.
    @Test func aBlockOfRelationshipsHasTheLinesOfTheFile() throws {
        let head =
            "schema: |-\n  definition user {}\n# a comment\nrelationships: |-\n\n  // another\n  doc:1#viewer@user:a\n"
        let file = try parse(head)
        #expect(file.relationshipText.place(ofTupleAfter: 0) == "f.yaml:7")
        #expect { try parse(head + "\n  doc\n") } throws: { "\($0)".hasPrefix("f.yaml:9: `doc`") }
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
