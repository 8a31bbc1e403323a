// Pemba: the commands for conditions, lists, explanations, changes and files as a person types them.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized) struct AnswerCommandTests {
    private let ledger = "repository:northwind/ledger"

    @Test func theExampleCompanyAnswers() async throws {
        try await withCluster { cluster in
            let examples = Conformance.repository.path + "/cluster/examples/code-hosting"
            #expect(try await cluster.clusterctl("schema", "write", examples + ".zed").status == 0)
            let imported = try await cluster.clusterctl("relationship", "import", examples + ".relationships")
            #expect(imported.status == 0, "\(imported.errors)")
            let checks = try await cluster.clusterctl("bulk-check", examples + ".checks", "--fully-consistent")
            #expect(checks.status == 0, "\(checks.output)\(checks.errors)")

            try await questions(cluster)
            try await lists(cluster)
            try await writes(cluster)
        }
    }

    private func questions(_ cluster: LocalCluster) async throws {
        let conditional = try await cluster.clusterctl("check", "\(ledger)#deploy@user:alice")
        #expect(conditional.status == 3)
        #expect(conditional.output.hasPrefix("conditional (needs ip)"), "\(conditional.output)")
        let inside = try await cluster.clusterctl(
            "check",
            "\(ledger)#deploy@user:alice",
            "--context",
            "{\"ip\": \"10.20.3.4\"}"
        )
        #expect(inside.status == 0, "\(inside.output)\(inside.errors)")
        let supposed = try await cluster.clusterctl(
            "check",
            "\(ledger)#merge@user:alice",
            "--contextual",
            "\(ledger)#reviewer@user:alice"
        )
        #expect(supposed.status == 0, "\(supposed.output)\(supposed.errors)")

        let denied = try await cluster.clusterctl("explain", "\(ledger)#merge@user:alice")
        #expect(denied.status == 1)
        #expect(denied.output.contains("would be allowed if"), "\(denied.output)")
        #expect(denied.output.contains("\(ledger)#reviewer@user:alice is added"), "\(denied.output)")
        let allowed = try await cluster.clusterctl("explain", "\(ledger)#push@user:alice", "--json")
        #expect(allowed.status == 0)
        #expect(allowed.output.contains("\"permissionship\" : \"has\""))

        let expanded = try await cluster.clusterctl("expand", "\(ledger)#merge")
        #expect(expanded.status == 0, "\(expanded.errors)")
        #expect(expanded.output.hasPrefix("\(ledger)#merge  all of\n"), "\(expanded.output)")
        let permissions = try await cluster.clusterctl("permissions", ledger, "user:alice")
        #expect(permissions.output.contains("push"), "\(permissions.output)\(permissions.errors)")
    }

    private func lists(_ cluster: LocalCluster) async throws {
        let all = try await cluster.clusterctl("lookup", "resources", "repository#push", "user:alice")
        #expect(all.status == 0, "\(all.errors)")
        #expect(all.output.split(separator: "\n").contains { $0 == "\(ledger)" }, "\(all.output)")
        #expect(all.errors.contains("complete"), "\(all.errors)")

        let first = try await cluster.clusterctl("lookup", "resources", "repository#push", "user:alice", "--limit", "1")
        #expect(first.output.split(separator: "\n").count == 1)
        let cursor = try #require(first.errors.components(separatedBy: "--cursor ").last)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let rest = try await cluster.clusterctl(
            "lookup",
            "resources",
            "repository#push",
            "user:alice",
            "--cursor",
            cursor
        )
        #expect(first.output + rest.output == all.output, "\(rest.errors)")
        let foreign = try await cluster.clusterctl(
            "lookup",
            "resources",
            "repository#pull",
            "user:alice",
            "--cursor",
            cursor
        )
        #expect(foreign.status == 2)
        #expect(foreign.errors.contains("another query"), "\(foreign.errors)")

        let names = cluster.folder + "/names"
        try TextFile.write("northwind/ledger\nnorthwind/no-such\n", to: names)
        let chosen = try await cluster.clusterctl(
            "lookup",
            "resources",
            "repository#push",
            "user:alice",
            "--candidates",
            names
        )
        #expect(chosen.output == "\(ledger)\n", "\(chosen.output)\(chosen.errors)")

        let subjects = try await cluster.clusterctl("lookup", "subjects", "\(ledger)#push", "user", "--json")
        #expect(subjects.output.contains("\"subjectID\":\"alice\""), "\(subjects.output)\(subjects.errors)")
        #expect(subjects.output.contains("\"complete\":true"))
    }

    private func writes(_ cluster: LocalCluster) async throws {
        let set = try await cluster.clusterctl("relationship", "set", "\(ledger)#reviewer", "user:alice", "user:carol")
        #expect(set.status == 0, "\(set.errors)")
        #expect(set.output.contains("created  \(ledger)#reviewer@user:carol"), "\(set.output)")
        let deleted = try await cluster.clusterctl(
            "relationship",
            "delete",
            "--resource",
            ledger,
            "--relation",
            "reviewer"
        )
        #expect(deleted.status == 0, "\(deleted.errors)")
        #expect(deleted.output.hasPrefix("2 relationships deleted; zookie "), "\(deleted.output)")
        let zookie = try #require(deleted.output.components(separatedBy: "zookie ").last)
            .trimmingCharacters(in: .newlines)
        let refused = try await cluster.clusterctl(
            "relationship",
            "create",
            "\(ledger)#reviewer@user:dave",
            "--must-match",
            "\(ledger)#reviewer@user:carol"
        )
        #expect(refused.status == 2)
        #expect(refused.errors.contains("precondition"), "\(refused.errors)")
        let created = try await cluster.clusterctl(
            "relationship",
            "create",
            "\(ledger)#reviewer@user:dave",
            "--must-not-match",
            "\(ledger)#reviewer"
        )
        #expect(created.status == 0, "\(created.errors)")
        let changes = cluster.folder + "/changes.txt"
        try TextFile.write(
            "delete \(ledger)#reviewer@user:dave\ncreate \(ledger)#reviewer@user:erin\n",
            to: changes
        )
        let mixed = try await cluster.clusterctl("relationship", "write", changes)
        #expect(mixed.status == 0, "\(mixed.errors)")
        // One of two cannot be done, so neither is.
        try TextFile.write(
            "delete \(ledger)#reviewer@user:erin\ncreate \(ledger)#reviewer@user:erin\n",
            to: changes
        )
        let twice = try await cluster.clusterctl("relationship", "write", changes)
        #expect(twice.status == 2, "\(twice.output)")
        let now = try await cluster.clusterctl(
            "relationship",
            "read",
            "--resource",
            ledger,
            "--relation",
            "reviewer",
            "--fully-consistent"
        )
        #expect(now.output == "\(ledger)#reviewer@user:erin\n", "\(now.output)\(now.errors)")
        let then = try await cluster.clusterctl(
            "relationship",
            "read",
            "--resource",
            ledger,
            "--relation",
            "reviewer",
            "--at",
            zookie
        )
        #expect(then.output == "", "\(then.output)")
    }

    @Test func aFileGoesOutAndComesInAgain() async throws {
        try await withCluster(nodes: 1) { cluster in
            let schema = cluster.folder + "/schema.zed"
            try TextFile.write(documentSchema, to: schema)
            #expect(try await cluster.clusterctl("schema", "write", schema).status == 0)
            let file = cluster.folder + "/company.relationships"
            let lines = (0..<30_000).map { "document:d\($0)#viewer@user:u\($0 % 100)\n" }.joined()
            try TextFile.write(lines + "broken\n", to: file)
            let progress = cluster.folder + "/company.progress"
            let broken = try await cluster.clusterctl("relationship", "import", file, "--resume", progress)
            #expect(broken.status == 2)
            #expect(broken.errors.contains("company.relationships:30001:"), "\(broken.errors)")
            #expect(TextFile.exists(progress))

            try TextFile.write(lines + "document:last#viewer@user:last\n", to: file)
            let imported = try await cluster.clusterctl("relationship", "import", file, "--resume", progress)
            #expect(imported.status == 0, "\(imported.errors)")
            #expect(imported.output.hasPrefix("30001 relationships imported"), "\(imported.output)")
            #expect(!TextFile.exists(progress))

            let again = try await cluster.clusterctl("relationship", "import", file, "--mode", "fail")
            #expect(again.status == 2)
            #expect(again.errors.contains("exists"), "\(again.errors)")

            let exported = try await cluster.clusterctl("relationship", "export", "--fully-consistent")
            #expect(exported.status == 0, "\(exported.errors)")
            let read = exported.output.split(separator: "\n").sorted()
            #expect(read == (lines + "document:last#viewer@user:last\n").split(separator: "\n").sorted())
            let validation = try await cluster.clusterctl(
                "relationship",
                "export",
                "--format",
                "validation",
                "--subject",
                "user:last"
            )
            let path = cluster.folder + "/company.yaml"
            try TextFile.write(validation.output, to: path)
            #expect(
                try ValidationFile(path: path).relationships.map(\.description) == ["document:last#viewer@user:last"]
            )
            let back = try await cluster.clusterctl("relationship", "import", path, "--mode", "skip")
            #expect(
                back.output.hasPrefix("1 relationships imported (0 new, 1 existing)"),
                "\(back.output)\(back.errors)"
            )

            func readSome(_ option: String, _ value: String) async throws -> Programs.Outcome {
                try await cluster.clusterctl("relationship", "read", "--subject", "user:u7", option, value)
            }
            let whole = try await readSome("--limit", "1000000")
            let first = try await readSome("--limit", "100")
            let cursor = try #require(first.errors.components(separatedBy: "--cursor ").last)
            let rest = try await readSome("--cursor", cursor.trimmingCharacters(in: .newlines))
            #expect(whole.output.split(separator: "\n").count == 300)
            #expect(first.output + rest.output == whole.output, "\(first.errors)\(rest.errors)")
        }
    }

    /// Ids of any kind go out and come in again, in each form, and what a node refuses is found in its file.
    @Test func idsThatHoldMarksGoOutAndComeInAgain() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let ids = ["a b ", "c#d", "e@f", "g\"h", "i[j]", "{k}", "\u{2028}", "l\\m", " "]
            let tuples = ids.map {
                RelationTuple(
                    resource: ObjectReference(type: "document", id: $0),
                    relation: "viewer",
                    subject: SubjectReference(type: "user", id: $0)
                )
            }
            let file = cluster.folder + "/marks.changes"
            try TextFile.write(tuples.map { "create \($0)\n" }.joined(), to: file)
            let written = try await cluster.clusterctl("relationship", "write", file)
            #expect(written.status == 0, "\(written.errors)")
            let expected = tuples.map(\.description).sorted()
            for (format, name) in [("text", "marks.relationships"), ("validation", "marks.yaml")] {
                let exported = try await cluster.clusterctl(
                    "relationship",
                    "export",
                    "--fully-consistent",
                    "--format",
                    format
                )
                #expect(exported.status == 0, "\(exported.errors)")
                let path = cluster.folder + "/" + name
                try TextFile.write(exported.output, to: path)
                let read = try RelationshipFile.parse(RelationshipFile.text(ofFile: path))
                #expect(read.map(\.description).sorted() == expected)
                _ = try await cluster.clusterctl("relationship", "delete", "--resource", "document")
                let back = try await cluster.clusterctl("relationship", "import", path)
                #expect(back.output.hasPrefix("\(ids.count) relationships imported"), "\(back.output)\(back.errors)")
            }
            let question = ##"document:"c#d"#view@user:"c#d""##
            let check = try await cluster.clusterctl("check", question, "--fully-consistent")
            #expect(check.status == 0, "\(check.output)\(check.errors)")

            try TextFile.write("// people\ntouch document:1#viewer@user:a\ntouch document:1#viewer@bot:7\n", to: file)
            let refused = try await cluster.clusterctl("relationship", "write", file)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("marks.changes:3: "), "\(refused.errors)")
            #expect(refused.errors.contains("nothing of the file was written"), "\(refused.errors)")
            let lines = (0..<2_500).map { "document:d\($0)#viewer@user:u\n" }.joined()
            let company = cluster.folder + "/company.relationships"
            try TextFile.write("\n" + lines + "document:1#viewer@bot:7\n" + lines, to: company)
            let broken = try await cluster.clusterctl("relationship", "import", company)
            #expect(broken.status == 2)
            #expect(broken.errors.contains("company.relationships:2502: "), "\(broken.errors)")
            #expect(broken.errors.contains("relationships are imported"), "\(broken.errors)")
        }
    }

    @Test func schemasAreComparedCheckedAndFormatted() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        func write(_ name: String, _ text: String) throws -> String {
            try TextFile.write(text, to: folder.path + "/" + name)
            return folder.path + "/" + name
        }
        func run(_ arguments: String...) async throws -> Programs.Outcome {
            try await Programs.run(Programs.clusterctl, ["schema"] + arguments)
        }
        let old = try write("old.zed", "definition user{}")
        let new = try write("new.zed", "definition user {}\n\ndefinition doc {}\n")
        let diff = try await run("diff", new, "--from", old)
        #expect(diff.status == 1)
        #expect(diff.output == "definition `doc` added\n")
        #expect(try await run("diff", old, "--from", old).status == 0)

        #expect(try await run("format", "--check", old).status == 1)
        #expect(try await run("format", old).status == 0)
        #expect(try TextFile.read(old) == "definition user {}\n")
        #expect(try await run("format", "--check", old).status == 0)

        #expect(try await run("lint", old).status == 0)
        let warned = try write("warned.zed", "definition user {}\ndefinition doc {\n  relation doc: user\n}\n")
        let lint = try await run("lint", warned)
        #expect(lint.status == 1)
        #expect(lint.output.contains("warned.zed:3:"), "\(lint.output)")
        let wrong = try write("wrong.zed", "definition doc {\n  relation a: nobody\n}\n")
        #expect(try await run("lint", wrong).status == 2)
        let broken = try await run("lint", try write("broken.zed", "definition doc {\n  relation a\n}\n"), "--json")
        #expect(broken.status == 2 && broken.errors.isEmpty, "\(broken.errors)")
        #expect(broken.output.contains("\"expected-"), "\(broken.output)")
    }

    @Test(arguments: [
        (["check", "document:1#view@user:a", "--context", "[1]"], "not a JSON object"),
        (["check", "document:1#view@user:a", "--at", "yesterday"], "`yesterday` is neither"),
        (["check", "document:1#view@user:a", "--contextual", "document:1"], "there is no `#`"),
        (["lookup", "resources", "document:1#view", "user:a"], "a whole type"),
        (["lookup", "subjects", "document:1#view", "user", "--cursor", "x"], "`x` is not a cursor"),
        (["watch", "--since", "x"], "`x` is not a zookie"),
    ])
    func wrongArgumentsAreNamed(arguments: [String], reason: String) async throws {
        let outcome = try await Programs.run(Programs.clusterctl, arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
}
