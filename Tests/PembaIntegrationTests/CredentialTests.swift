// Pemba: callers without the right credential.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaClient
import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import PembaTestSupport
import PembaTooling
import Testing

/// Every refusal is one clear sentence and exit status 2, and the node's audit log has a line of it.
///
/// Of `status` the refusal is in the node's row, and the exit status is 1 as with every node that is not healthy.
@Suite(.serialized) struct CredentialTests {
    private static let day: Int64 = 86_400 * 1_000_000_000

    /// Runs `clusterctl` with a credential of the test's own.
    private func run(
        _ cluster: LocalCluster,
        _ arguments: [String],
        ca: String? = nil,
        as credential: [String]
    ) async throws -> Programs.Outcome {
        let connection = [
            "--endpoint", cluster.plan.nodes[0].clientAddress, "--ca", ca ?? cluster.folder + "/ca.pem", "--timeout",
            "5",
        ]
        return try await Programs.run(Programs.clusterctl, arguments + connection + credential)
    }

    private func expectRefusal(_ outcome: Programs.Outcome, _ parts: String...) {
        #expect(outcome.status == 2, "\(outcome.output)\(outcome.errors)")
        for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
        #expect(!outcome.errors.contains("Fatal error"), "\(outcome.errors)")
    }

    /// Waits until the node's log has an audit line with `reason`.
    private func expectAudit(_ cluster: LocalCluster, _ reason: String) async throws {
        func isThere() -> Bool {
            cluster.nodes[0].log.split(separator: "\n").contains {
                $0.contains("audit.event=refused") && $0.contains(reason)
            }
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while !isThere(), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        #expect(isThere(), "no audit line says `\(reason)`: \(cluster.nodes[0].log.suffix(3_000))")
    }

    private func authority(in folder: String) throws -> CertificateAuthority {
        try CertificateAuthority(certificate: .file(folder + "/ca.pem"), key: .file(folder + "/ca-key.pem"))
    }

    /// Writes a client's certificate and key; the options that name them.
    private func write(_ issued: CertifiedKey, to path: String) throws -> [String] {
        try issued.write(certificate: path + ".pem", key: path + "-key.pem")
        return ["--cert", path + ".pem", "--key", path + "-key.pem"]
    }

    @Test func certificatesThatAreNotGoodEnoughAreRefused() async throws {
        try await withCluster(nodes: 1) { cluster in
            let authority = try authority(in: cluster.folder)
            let id = try ClusterContext(path: cluster.folder + "/cluster.yaml").cluster
            let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
            let past = CertificateValidity(
                notBefore: Timestamp(nanoseconds: now - 10 * CredentialTests.day),
                notAfter: Timestamp(nanoseconds: now - CredentialTests.day)
            )
            let expired = try authority.issueClient("late", roles: .admin, cluster: id, validity: past)
            let late = try write(expired, to: cluster.folder + "/late")
            expectRefusal(try await run(cluster, ["schema", "read"], as: late), "expired")

            let foreignFolder = try TemporaryFolder()
            defer { foreignFolder.remove() }
            let foreign = try CertificateAuthority.create(named: "another")
            try foreign.certifiedKey().write(
                certificate: foreignFolder.path + "/ca.pem",
                key: foreignFolder.path + "/ca-key.pem"
            )
            let stranger = try write(
                foreign.issueClient("stranger", roles: .admin, cluster: id),
                to: foreignFolder.path + "/stranger"
            )
            // Whoever trusts another authority does not take the node for the cluster's.
            expectRefusal(
                try await run(cluster, ["schema", "read"], ca: foreignFolder.path + "/ca.pem", as: stranger),
                "certificate is not accepted"
            )
            // Whoever trusts both shows the certificate, and the node refuses it.
            let both = foreignFolder.path + "/both.pem"
            let authorities =
                try TextFile.read(cluster.folder + "/ca.pem")
                + TextFile.read(foreignFolder.path + "/ca.pem")
            try TextFile.write(authorities, to: both)
            expectRefusal(
                try await run(cluster, ["schema", "read"], ca: both, as: stranger),
                "unknown ca"
            )
            try await expectAudit(cluster, "untrusted_peer")

            let elsewhere = try authority.issueClient("neighbour", roles: .admin, cluster: ClusterID(high: 1, low: 2))
            let neighbour = try write(elsewhere, to: cluster.folder + "/neighbour")
            expectRefusal(try await run(cluster, ["schema", "read"], as: neighbour), "another cluster")
            try await expectAudit(cluster, "another cluster")

            // The node itself goes on.
            #expect(try await cluster.clusterctl("status").status == 0)
        }
    }

    @Test func aRoleOpensWhatItSaysAndNothingElse() async throws {
        try await withCluster(nodes: 1) { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let id = try ClusterContext(path: cluster.folder + "/cluster.yaml").cluster
            let issued = try authority(in: cluster.folder).issueClient("reader", roles: .read, cluster: id)
            let reader = try write(issued, to: cluster.folder + "/reader")
            let check = try await run(cluster, ["check", "document:1#view@user:alice"], as: reader)
            #expect(check.status == 1, "\(check.errors)")
            let schema = cluster.folder + "/schema.zed"
            try TextFile.write(documentSchema, to: schema)
            let tuple = "document:1#owner@user:alice"
            expectRefusal(try await run(cluster, ["relationship", "create", tuple], as: reader), "role write")
            try await expectAudit(cluster, "role write")
            expectRefusal(try await run(cluster, ["schema", "write", schema], as: reader), "role schema")
            try await expectAudit(cluster, "role schema")
            let status = try await run(cluster, ["status"], as: reader)
            #expect(status.status == 1 && status.output.contains("role admin"), "\(status.output)\(status.errors)")
            try await expectAudit(cluster, "role admin")
            #expect(try await run(cluster, ["check", "document:1#view@user:alice"], as: reader).status == 1)
        }
    }

    @Test func bearerKeysOpenWhatTheirRolesSay() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let key = try BearerKey.generate()
        try TextFile.write(
            "- {name: ci, roles: read+write, sha256: \(key.sha256)}\n",
            to: folder.path + "/credentials.yaml"
        )
        let texts = ["good": key.text + "\n", "unknown": try BearerKey.generate().text, "empty": ""]
        for (name, text) in texts { try TextFile.write(text, to: "\(folder.path)/\(name)", mode: 0o600) }
        try TextFile.write(key.text, to: folder.path + "/exposed", mode: 0o644)
        func bearer(_ name: String) -> [String] { ["--bearer-key", "\(folder.path)/\(name)"] }

        try await withCluster(nodes: 1, settings: "credentials: \(folder.path)/credentials.yaml") { cluster in
            try await cluster.target().withClient { _ = try await $0.writeSchema(documentSchema) }
            let tuple = "document:1#owner@user:alice"
            let written = try await run(cluster, ["relationship", "create", tuple], as: bearer("good"))
            #expect(written.status == 0, "\(written.errors)")
            let check = try await run(
                cluster,
                ["check", "document:1#view@user:alice", "--fully-consistent"],
                as: bearer("good")
            )
            #expect(check.status == 0, "\(check.errors)")
            let status = try await run(cluster, ["status"], as: bearer("good"))
            #expect(status.status == 1 && status.output.contains("role admin"), "\(status.output)\(status.errors)")
            try await expectAudit(cluster, "audit.caller=ci")
            expectRefusal(try await run(cluster, ["schema", "read"], as: bearer("unknown")), "bearer key is not known")
            try await expectAudit(cluster, "bearer key is not known")
            expectRefusal(try await run(cluster, ["schema", "read"], as: bearer("empty")), "neither")
            try await expectAudit(cluster, "neither")
            expectRefusal(try await run(cluster, ["schema", "read"], as: bearer("exposed")), "exposed", "0600")
            expectRefusal(try await run(cluster, ["schema", "read"], as: bearer("absent")), "absent")
            #expect(!cluster.nodes[0].log.contains(key.text))
        }
    }

    @Test func theContextsClusterIsTheOneThatIsMeant() async throws {
        try await withCluster(nodes: 1) { cluster in
            var context = try ClusterContext(path: cluster.folder + "/cluster.yaml")
            context.cluster = ClusterID(high: 3, low: 4)
            let path = cluster.folder + "/other.yaml"
            try TextFile.write(context.text, to: path)
            let outcome = try await Programs.run(Programs.clusterctl, ["schema", "read", "--cluster", path])
            expectRefusal(outcome, "cluster")
            #expect(try await cluster.clusterctl("status").status == 0)
        }
    }
}
