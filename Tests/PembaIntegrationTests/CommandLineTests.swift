// Pemba: clusterctl as a person types it.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import PembaTooling
import Testing

@Suite(.serialized) struct CommandLineTests {
    @Test func aDayAtTheTerminal() async throws {
        try await withCluster { cluster in
            let folder = cluster.folder
            let status = try await cluster.clusterctl("status")
            #expect(status.status == 0, "\(status.output)\(status.errors)")
            #expect(status.output.contains("leader"))

            try TextFile.write(
                "definition user {}\ndefinition doc {\n  relation viewer: usr\n}\n",
                to: folder + "/bad.zed"
            )
            let bad = try await cluster.clusterctl("schema", "write", folder + "/bad.zed")
            #expect(bad.status == 2)
            #expect(bad.errors.contains("bad.zed:3:"), "\(bad.errors)")
            #expect(bad.errors.contains("`user`"), "\(bad.errors)")

            let examples = Conformance.repository.path + "/cluster/examples/code-hosting"
            #expect(try await cluster.clusterctl("schema", "write", examples + ".zed").status == 0)
            let imported = try await cluster.clusterctl("relationship", "import", examples + ".relationships")
            #expect(imported.status == 0, "\(imported.errors)")
            let checks = try await cluster.clusterctl("bulk-check", examples + ".checks")
            #expect(checks.status == 0, "\(checks.output)\(checks.errors)")

            #expect(try await cluster.clusterctl("check", "repository:northwind/ledger#push@user:alice").status == 0)
            let denied = try await cluster.clusterctl("check", "repository:northwind/ledger#merge@user:alice", "--json")
            #expect(denied.status == 1)
            #expect(denied.output.contains("\"permissionship\" : \"has-not\""))

            let written = try await cluster.clusterctl(
                "relationship",
                "create",
                "repository:northwind/ledger#reviewer@user:alice",
                "--print-zookie"
            )
            let zookie = written.output.trimmingCharacters(in: .newlines)
            #expect(
                try await cluster.clusterctl(
                    "check",
                    "repository:northwind/ledger#merge@user:alice",
                    "--zookie",
                    zookie,
                    "--node",
                    "2"
                ).status == 0
            )
            let again = try await cluster.clusterctl(
                "relationship",
                "create",
                "repository:northwind/ledger#reviewer@user:alice"
            )
            #expect(again.status == 2)
            #expect(again.errors.contains("exists"), "\(again.errors)")

            let read = try await cluster.clusterctl("relationship", "read", "--resource", "repository:northwind/ledger")
            #expect(read.output.contains("repository:northwind/ledger#reviewer@user:alice\n"))
            let schema = try await cluster.clusterctl("schema", "read")
            #expect(schema.output == (try TextFile.read(examples + ".zed")))
        }
    }

    @Test(arguments: [
        (["check", "document"], "there is no `#`"), (["check", "document:1#view@user:*"], "one subject"),
        (["check", "document:1#view@user:a", "--zookie", "x"], "`x` is not a zookie"),
    ])
    func wrongArgumentsAreNamed(arguments: [String], reason: String) async throws {
        let outcome = try await Programs.run(Programs.clusterctl, arguments)
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }

    @Test func withoutAContextItSaysWhatToDo() async throws {
        let outcome = try await Programs.run(
            Programs.clusterctl,
            ["status"],
            environment: ["PEMBA_CLUSTER": "/nowhere/cluster.yaml"]
        )
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("/nowhere/cluster.yaml"))
        #expect(outcome.errors.contains("clusterctl init"))
    }

    @Test func anUnreachableClusterIsSaidSoInTime() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let cluster = try LocalCluster(count: 1, folder: folder.path, program: Programs.pembad)
        let outcome = try await cluster.clusterctl("check", "document:1#view@user:a", "--timeout", "1")
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains(cluster.plan.nodes[0].clientAddress), "\(outcome.errors)")
    }

    @Test func initRefusesToOverwriteACluster() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let arguments = [
            "init", "--directory", folder.path + "/c", "--nodes", "3", "--context", folder.path + "/cluster.yaml",
        ]
        #expect(try await Programs.run(Programs.clusterctl, arguments).status == 0)
        let again = try await Programs.run(Programs.clusterctl, arguments)
        #expect(again.status == 2)
        #expect(again.errors.contains("exists already"))
    }
}
