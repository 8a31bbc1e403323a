// Pemba: schemas of several files.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import Testing

/// Files become one schema, and what is wrong is found in its file.
struct ImportTests {
    private func resolve(_ files: [String: String]) throws(SchemaErrors) -> ImportedSchema {
        try SchemaImporter.resolve(files["main.zed"] ?? "", path: "main.zed") { files[$0] }
    }

    private func findings(_ files: [String: String]) -> [String] {
        let diagnostics: [Diagnostic]
        do {
            diagnostics = try resolve(files).analyze().diagnostics
        } catch {
            diagnostics = error.diagnostics
        }
        return diagnostics.map {
            "\($0.file ?? "?"):\($0.range.start.line):\($0.range.start.column) \($0.code.rawValue)"
        }
    }

    @Test func filesStandWhereTheyAreImported() throws {
        let schema = try resolve([
            "main.zed": "use import\nuse expiration\nimport \"parts/team.zed\"\ndefinition thing {\n"
                + "  relation own: user with expiration\n}",
            "parts/team.zed":
                "use import\nuse self\nimport 'user.zed'\n\ndefinition team {\n  permission all = self\n}",
            "parts/user.zed": "// Somebody.\ndefinition user {}",
        ])
        let compiled = try #require(schema.analyze().schema)
        #expect(compiled.definitions.map(\.name) == ["user", "team", "thing"])
        #expect(compiled.definitions[0].documentation == "Somebody.")
        #expect(compiled == (try SchemaCompiler.compile(schema.source)))
        #expect(schema.source.hasPrefix("use expiration\nuse self\n"))
    }

    @Test func aFileCountsOnce() throws {
        let schema = try resolve([
            "main.zed": "use import\nimport \"one.zed\"\nimport \"./two.zed\"\nimport \"one.zed\"",
            "one.zed": "use import\nimport \"sub/../user.zed\"\ndefinition one {}",
            "two.zed": "use import\nimport \"user.zed\"\ndefinition two {}",
            "user.zed": "definition user {}",
        ])
        #expect(schema.analyze().schema?.definitions.map(\.name) == ["user", "one", "two"])
    }

    @Test func partialsMayBeImported() throws {
        let schema = try resolve([
            "main.zed": "use import\nuse partial\nimport \"some.zed\"\ndefinition user {\n  ...some\n}",
            "some.zed": "use partial\npartial some {\n  relation own: user\n}",
        ])
        #expect(schema.analyze().schema?.definitions.first?.relations.map(\.name) == ["own"])
    }

    @Test func aSchemaWithoutImportsStaysAsItIs() throws {
        let source = "definition user {}\n"
        #expect(try resolve(["main.zed": source]).source == source)
    }

    @Test(arguments: [
        (["main.zed": "use import\nimport \"gone.zed\""], ["main.zed:2:8 import-not-found"]),
        (["main.zed": "use import\nimport \"main.zed\""], ["main.zed:2:8 import-cycle"]),
        (
            [
                "main.zed": "use import\nimport \"one.zed\"", "one.zed": "use import\nimport \"two.zed\"",
                "two.zed": "use import\n\nimport \"one.zed\"",
            ], ["two.zed:3:8 import-cycle"]
        ),
        (["main.zed": "use import\nimport \"../main.zed\""], ["main.zed:2:8 import-not-local"]),
        (["main.zed": "use import\nimport \"/main.zed\""], ["main.zed:2:8 import-not-local"]),
        (["main.zed": "use import\nimport \"sub/../../main.zed\""], ["main.zed:2:8 import-not-local"]),
        (["main.zed": "use import\nimport \"\""], ["main.zed:2:8 import-not-local"]),
        (
            ["main.zed": "use import\nimport \"one.zed\"", "one.zed": "definition user {"],
            ["one.zed:1:1 unclosed-definition"]
        ),
        (
            [
                "main.zed": "use import\nimport \"one.zed\"\ndefinition user {}",
                "one.zed": "definition user {}\nuse self",
            ],
            ["one.zed:2:9 misplaced-use"]
        ),
        (
            [
                "main.zed": "use import\nimport \"one.zed\"\n\ndefinition thing {\n  relation own: usr\n}",
                "one.zed": "\n\ndefinition team {\n  relation own: usr\n}\ndefinition user {}",
            ], ["one.zed:4:17 unknown-definition", "main.zed:5:17 unknown-definition"]
        ),
    ])
    func isFound(files: [String: String], expected: [String]) { #expect(findings(files) == expected) }

    @Test func notesNameTheirFile() throws {
        let schema = try resolve([
            "main.zed": "use import\nimport \"one.zed\"\ndefinition user {}", "one.zed": "\ndefinition user {}",
        ])
        let diagnostic = try #require(schema.analyze().diagnostics.first)
        #expect(
            diagnostic.rendered(file: "?") == """
                main.zed:3:1: error: definition `user` is already declared [duplicate-definition]
                 3 | definition user {}
                   | ^^^^^^^^^^^^^^^
                one.zed:2:1: note: the first declaration
                 2 | definition user {}
                   | ^^^^^^^^^^^^^^^
                hint: merge the two, or choose another name

                """
        )
    }

    @Test func limits() throws {
        func chain(_ count: Int) -> [String: String] {
            var files = ["\(count).zed": "definition user {}"]
            for number in 0..<count { files["\(number).zed"] = "use import\nimport \"\(number + 1).zed\"" }
            files["main.zed"] = files.removeValue(forKey: "0.zed")
            return files
        }
        #expect(try resolve(chain(Limits.importDepth)).analyze().schema != nil)
        #expect(findings(chain(Limits.importDepth + 1)) == ["\(Limits.importDepth).zed:2:8 too-many-imports"])

        func fan(_ count: Int) -> [String: String] {
            var files = ["main.zed": "use import\n"]
            for number in 0..<count {
                files["main.zed"]? += "import \"\(number).zed\"\n"
                files["\(number).zed"] = "definition type_\(number) {}"
            }
            return files
        }
        #expect(try resolve(fan(Limits.importedFiles)).analyze().schema != nil)
        #expect(findings(fan(Limits.importedFiles + 1)) == ["main.zed:258:8 too-many-imports"])

        let half = "// " + String(repeating: "a", count: Limits.schemaBytes / 2)
        let large = ["main.zed": "use import\nimport \"one.zed\"\n" + half, "one.zed": half]
        #expect(findings(large) == ["main.zed:1:1 schema-too-large"])
    }
}
