// Pemba: the edges of clusterctl: exit statuses, readers that go away, nodes that do not answer.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized) struct CommandEdgeTests {
    /// What cannot be read, what is missing and what contradicts itself is an error like any other.
    @Test(arguments: [
        (["check"], "Missing expected argument"), (["chek", "document:1#view@user:a"], "chek"),
        (["check", "document:1#view@user:a", "--at"], "--at"),
        (["check", "document:1#view@user:a", "--timeout", "0"], "--timeout"),
        (["check", "document:1#view@user:a", "--fully-consistent", "--at", "7"], "exclude each other"),
        (["status", "--node-timeout", "never"], "never"), (["status", "--node-timeout", "0"], "--node-timeout"),
        (["lookup", "resources", "document#view", "user:a", "--limit", "0"], "--limit"),
        (["relationship", "import", "file", "--mode", "anyhow"], "anyhow"),
        (["relationship", "import", "file", "--mode", "fail", "--resume", "p"], "--resume"),
        (["relationship", "delete", "--resource", "document:"], "`document:` is neither"),
        (["permissions", "document:1#view", "user:a"], "without `#`"),
        (["relationship", "delete", "--resource", "document:1", "--resource-prefix", "a"], "exclude each other"),
        (["bulk-check", "/dev/null"], "/dev/null holds no check"),
        (["schema", "write", "/dev/null"], "/dev/null holds no definition"),
        (["init", "--directory", "/tmp/never", "--host", "a b", "--context", "/tmp/never/c"], "`a b`"),
    ])
    func aWrongCommandLineIsStatus2(arguments: [String], reason: String) async throws {
        let outcome = try await Programs.run(Programs.clusterctl, arguments)
        #expect(outcome.status == 2, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    @Test(arguments: [["--help"], ["--version"], ["help", "check"], ["check", "--help"]])
    func whoeverAsksForHelpGetsIt(arguments: [String]) async throws {
        let outcome = try await Programs.run(Programs.clusterctl, arguments)
        #expect(outcome.status == 0)
        #expect(!outcome.output.isEmpty && outcome.errors.isEmpty)
    }

    /// What shells complete with is a script that the shell can read and that knows the commands.
    @Test(arguments: [("bash", ["-n"]), ("zsh", []), ("fish", [])])
    func completionScriptsAreWritten(shell: String, syntaxOnly: [String]) async throws {
        let outcome = try await Programs.run(Programs.clusterctl, ["--generate-completion-script", shell])
        #expect(outcome.status == 0, "\(outcome.errors)")
        for name in ["relationship", "bulk-check", "lookup", "member"] { #expect(outcome.output.contains(name)) }
        guard !syntaxOnly.isEmpty else { return }
        let read = try await Programs.run("/bin/\(shell)", syntaxOnly, input: outcome.output)
        #expect(read.status == 0 && read.errors.isEmpty, "\(read.errors)")
    }

    /// 0 if every assertion holds, 1 if one does not, 2 if a file cannot be read.
    @Test func validationSaysByItsStatusWhatHolds() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        func validate(_ assertion: String) async throws -> Programs.Outcome {
            let file = folder.path + "/case.yaml"
            let text = """
                schema: |-
                  definition user {}
                  definition document {
                    relation viewer: user
                  }
                relationships: |-
                  document:a#viewer@user:ann
                assertions:
                  assertTrue:
                    - \(assertion)
                """
            try TextFile.write(text, to: file)
            return try await Programs.run(Programs.clusterctl, ["validate", file])
        }
        let right = try await validate("document:a#viewer@user:ann")
        #expect(right.status == 0, "\(right.output)\(right.errors)")
        let wrong = try await validate("document:a#viewer@user:bob")
        #expect(wrong.status == 1)
        #expect((wrong.output + wrong.errors).contains("document:a#viewer@user:bob"), "\(wrong.output)\(wrong.errors)")
        let unreadable = try await validate("document:a#reader@user:bob")
        #expect(unreadable.status == 1 || unreadable.status == 2, "\(unreadable.output)\(unreadable.errors)")
        let absent = try await Programs.run(Programs.clusterctl, ["validate", folder.path + "/absent.yaml"])
        #expect(absent.status == 2 && (absent.output + absent.errors).contains("absent.yaml"), "\(absent.output)")
    }

    /// `clusterctl … | head -1`: the command ends in silence, with the status that shells know for it.
    @Test func whoeverStopsReadingEndsTheCommand() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let file = folder.path + "/schema.zed"
        // Much more than a pipe holds.
        let definitions = (0..<4_000).map { "definition number_\($0)_of_many_definitions_with_long_names {}\n" }
        try TextFile.write(definitions.joined(), to: file)
        let command = "'\(Programs.clusterctl)' schema format - < '\(file)' | head -1; exit ${PIPESTATUS[0]}"
        let outcome = try await Programs.run("/bin/bash", ["-c", command])
        #expect(outcome.status == 141)
        #expect(outcome.output == "definition number_0_of_many_definitions_with_long_names {}\n")
        #expect(outcome.errors.isEmpty, "\(outcome.errors)")
    }

    /// A question that cannot be answered does not keep the others from their answers.
    @Test func aBulkHasItsErrorsInItsRows() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let tuple = "document:plan#owner@user:alice"
            let written = try await cluster.clusterctl("relationship", "create", tuple, "--print-zookie")
            let zookie = written.output.trimmingCharacters(in: .newlines)
            let file = cluster.folder + "/questions.checks"
            func ask(_ questions: String, _ arguments: String...) async throws -> Programs.Outcome {
                try TextFile.write(questions, to: file)
                let given = ["bulk-check", file, "--zookie", zookie, "--cluster", cluster.folder + "/cluster.yaml"]
                return try await Programs.run(Programs.clusterctl, given + arguments)
            }
            let right = "document:plan#view@user:alice => has\n"
            #expect(try await ask(right).status == 0)
            #expect(try await ask(right + "document:plan#view@user:bob => has\n").status == 1)
            let wrong = try await ask(right + "document:plan#veiw@user:bob => has-not\n", "--json")
            #expect(wrong.status == 2)
            #expect(wrong.errors.isEmpty, "\(wrong.errors)")
            let report = try JSONDecoder().decode(BulkAnswer.self, from: Data(wrong.output.utf8))
            #expect(report.rows.map(\.answer) == ["has", nil])
            #expect(report.rows.map(\.errorCode) == [nil, "unknownRelation"])
            #expect(report.rows[1].error?.contains("veiw") == true)
            #expect(report.rows.map(\.holds) == [true, false])
        }
    }

    /// Whoever presses Ctrl-C is told what was done and how to go on; so is a script, by status 130.
    @Test func whatIsInterruptedSaysHowToGoOn() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let context = ["--cluster", cluster.folder + "/cluster.yaml"]
            func interrupt(
                _ arguments: [String],
                when interrupts: @escaping (String, String) -> Bool
            ) async throws -> Programs.Outcome {
                let outcome = try await Programs.run(Programs.clusterctl, arguments + context, interrupts: interrupts)
                #expect(outcome.status == 130, "\(outcome.output)\(outcome.errors)")
                return outcome
            }

            let file = cluster.folder + "/company.relationships"
            let progress = cluster.folder + "/company.progress"
            try TextFile.write((0..<150_000).map { "document:d\($0)#viewer@user:u\n" }.joined(), to: file)
            let importing = ["relationship", "import", file, "--resume", progress]
            let imported = try await interrupt(importing) { _, _ in TextFile.exists(progress) }
            #expect(imported.errors.contains("interrupted: the first "), "\(imported.errors)")
            #expect(imported.errors.contains("the same command goes on after them (\(progress))"), "\(imported.errors)")
            let rest = try await cluster.clusterctl("relationship", "import", file, "--resume", progress)
            #expect(rest.output.hasPrefix("150000 relationships imported"), "\(rest.output)\(rest.errors)")

            let watching = ["watch", "--snapshot", "--filter", "document:d7", "--json"]
            let watched = try await interrupt(watching) { output, _ in output.contains("checkpoint") }
            #expect(watched.errors.contains("1 relationships and 0 changes were printed; go on with --since "))

            // Nobody listens there: the leader calls for some seconds before it gives up.
            let nowhere = ["--peer", "127.0.0.1:1", "--client", "127.0.0.1:1"]
            let added = try await interrupt(["member", "add", "2"] + nowhere) { _, errors in
                errors.contains("warning: node 2 does not answer clients at 127.0.0.1:1")
            }
            #expect(added.errors.contains("interrupted: whether the change has begun is not known"), "\(added.errors)")
            let own = "\(cluster.plan.nodes[0].clientAddress)"
            let mistaken = try await cluster.clusterctl("member", "add", "2", "--peer", "127.0.0.1:1", "--client", own)
            #expect(mistaken.status == 2)
            #expect(mistaken.errors.contains("clients reach node 1 at \(own), not node 2"), "\(mistaken.errors)")
        }
    }

    private struct BulkAnswer: Decodable {
        struct Row: Decodable {
            let answer: String?
            let error: String?
            let errorCode: String?
            let holds: Bool
        }
        let rows: [Row]
    }

    /// Two nodes answer at once; the third, which takes connections and says nothing, is given up in its own time.
    @Test func aNodeThatDoesNotAnswerIsGivenUpSoon() async throws {
        try await withCluster { cluster in
            let leader = try await cluster.leader()
            let place = try #require(cluster.nodes.firstIndex { $0.id != leader })
            let address = "\(cluster.plan.nodes[place].clientAddress)"
            cluster.nodes[place].signal(SIGSTOP)
            let start = ContinuousClock.now
            let status = try await cluster.clusterctl("status", "--timeout", "60", "--node-timeout", "1")
            let took = ContinuousClock.now - start
            #expect(status.status == 1)
            #expect(took < .seconds(15), "it took \(took)")
            let rows = status.output.split(separator: "\n").dropFirst().prefix { !$0.hasPrefix("history") }
            #expect(rows.count == 3)
            for row in rows {
                let isPaused = row.contains(" \(address) ")
                #expect(row.contains("unreachable") == isPaused && row.hasSuffix("healthy") != isPaused, "\(row)")
            }
            // What is known at once is shown at once.
            #expect(status.errors.contains("healthy"), "\(status.errors)")
            #expect(status.errors.contains("waiting for \(address)\n"), "\(status.errors)")
            let json = try await cluster.clusterctl("status", "--node-timeout", "1", "--json")
            #expect(json.status == 1)
            #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])
            cluster.nodes[place].signal(SIGCONT)
            _ = try await cluster.waitUntilCaughtUp()
            let healthy = try await cluster.clusterctl("status")
            #expect(healthy.status == 0, "\(healthy.output)\(healthy.errors)")
        }
    }
}
