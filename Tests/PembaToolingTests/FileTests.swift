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

    @Test(arguments: [("doc:1#view@user:a => maybe", "`maybe` is not an answer"), ("doc:1#view@user:*", "one subject")])
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
            validation: null
            """
        )
        #expect(file.schema == "definition user {}\n")
        #expect(file.relationships.map(\.description) == ["doc:1#viewer@user:a", "doc:1#viewer@user:b"])
        #expect(file.assertions.map(\.expected) == [.hasPermission, .noPermission])
    }

    @Test(arguments: [
        ("schema: [", "not YAML"), ("- a", "is a mapping"), ("relationships: x", "neither `schema` nor `schemaFile`"),
        ("schema: a\nschemaFile: b", "leave one out"), ("schema: a\nassertion: {}", "unknown key `assertion`"),
        ("schema: a\nassertions: {assertMaybe: []}", "unknown key `assertions.assertMaybe`"),
        ("schema: a\nassertions: {assertTrue: ['doc:1#v@user:a with {\"x\":1}']}", "caveats"),
        ("schema: a\nassertions: {assertTrue: ['doc']}", "there is no `#`"),
        ("schema: a\nrelationships: 'doc'", "f.yaml (relationships):1:"),
        ("schema: a\nvalidation: {x: [y]}", "`validation`"), ("schemaFile: /nowhere/at/all.zed", "/nowhere/at/all.zed"),
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
