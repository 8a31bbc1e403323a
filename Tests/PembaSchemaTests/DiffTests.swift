// Pemba: what changes between schemas.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import PembaTestSupport
import Testing

/// A difference is named for what it is, and nothing else is one.
struct DiffTests {
    private static let old = """
        use expiration
        use typechecking
        /** Somebody. */
        definition user {}
        definition team {
          relation member: user
        }
        caveat tier(level int, names list<string>) {
          level > 3 && "a" in names
        }
        definition thing {
          relation viewer: user | team#member with tier
          relation owner: user with expiration
          permission view: user = viewer + owner
        }
        """

    /// What is replaced by what, and the changes that this makes.
    @Test(arguments: [
        ("", "", []),
        ("use typechecking\n", "use typechecking\nuse spicedb_ids\n", ["ids: SpiceDB's alone"]),
        ("/** Somebody. */", "// Someone.", ["definition `user`: comments changed"]),
        ("definition team {", "definition group {}\ndefinition team {", ["definition `group` added"]),
        (
            "relation member: user", "relation member: user | team#member",
            [
                "relation `team#member`: `team#member` added"
            ]
        ),
        (
            "team#member with tier", "team#member",
            [
                "relation `thing#viewer`: `team#member with tier` removed",
                "relation `thing#viewer`: `team#member` added",
            ]
        ),
        (
            "user with expiration", "user with tier and expiration | user",
            [
                "relation `thing#owner`: `user with expiration` removed",
                "relation `thing#owner`: `user with tier and expiration` added", "relation `thing#owner`: `user` added",
            ]
        ),
        ("user | team#member with tier", "team#member with tier | user", []),
        ("  relation owner", "  // The one.\n  relation owner", ["relation `thing#owner`: comments changed"]),
        ("  permission view", "  permission edit = owner\n  permission view", ["permission `thing#edit` added"]),
        ("permission view: user = viewer + owner", "", ["permission `thing#view` removed"]),
        ("permission view:", "// All.\n  permission view:", ["permission `thing#view`: comments changed"]),
        ("view: user =", "view: user | team =", ["permission `thing#view`: annotated types changed"]),
        (
            "= viewer + owner", "= viewer - (owner)",
            [
                "permission `thing#view`: `viewer + owner` became `viewer - owner`"
            ]
        ),
        ("= viewer + owner", "= (viewer +\n owner)", []),
        (
            "relation viewer: user | team#member with tier", "permission viewer = owner",
            [
                "relation `thing#viewer` removed", "permission `thing#viewer` added",
            ]
        ),
        ("level int", "level uint", ["caveat `tier`: parameter `level` was `int` and is `uint`"]),
        (
            "level int, names list<string>) {\n  level > 3", "other int, names list<string>) {\n  other > 3",
            [
                "caveat `tier`: parameter `level` removed", "caveat `tier`: parameter `other` added",
                "caveat `tier`: condition changed",
            ]
        ),
        ("level int, names list<string>", "names list<string>, level int", []),
        ("level > 3", "level > 4", ["caveat `tier`: condition changed"]),
        ("level > 3 &&", "level>3 // so\n &&", []),
        ("caveat tier", "// Levels.\ncaveat tier", ["caveat `tier`: comments changed"]),
        ("caveat tier", "caveat other(aaa bool) {\n  aaa\n}\ncaveat tier", ["caveat `other` added"]),
    ])
    func changesAreNamed(part: String, replacement: String, expected: [String]) throws {
        let old = try SchemaCompiler.compile(DiffTests.old)
        let changed =
            part.isEmpty ? DiffTests.old : DiffTests.old.replacing(part, with: replacement, maxReplacements: 1)
        let new = SchemaCompiler.analyze(changed)
        let schema = try #require(new.schema, "\(new.diagnostics.map { $0.rendered(file: "") })")
        #expect(SchemaDiff.changes(from: old, to: schema).map(\.description) == expected)
    }

    @Test func whatIsGoneComesFirst() throws {
        let old = try SchemaCompiler.compile("definition one {}\ndefinition two {}\ndefinition six {}")
        let new = try SchemaCompiler.compile("definition ten {}\ndefinition two {}")
        #expect(
            SchemaDiff.changes(from: old, to: new)
                == [.definitionRemoved("one"), .definitionRemoved("six"), .definitionAdded("ten")]
        )
    }

    @Test(.enabled(if: Conformance.isAvailable))
    func aFormattedSchemaIsTheSame() throws {
        for source in try ConformanceTests.schemas() {
            guard let schema = SchemaCompiler.analyze(source).schema else { continue }
            let form = try SchemaCompiler.compile(try SchemaFormatter.format(source))
            #expect(SchemaDiff.changes(from: schema, to: form) == [])
        }
    }
}
