// Pemba: what a node says when it cannot start.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaPKI
import PembaTLS
import PembaTooling
import Testing

/// Each error is one line that names the input, the rule and the way out, and nothing is opened or changed before it.
@Suite(.serialized) struct StartupErrorTests {
    /// Files of a one-node cluster; the node is not running.
    private func withFiles(_ body: (LocalCluster) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        try await body(try LocalCluster(count: 1, folder: folder.path, program: Programs.pembad))
    }

    private func start(_ cluster: LocalCluster, _ arguments: String...) async throws -> Programs.Outcome {
        let configuration = cluster.nodes[0].folder + "/node.yaml"
        return try await Programs.run(Programs.pembad, ["--config", configuration] + arguments)
    }

    private func expectError(_ outcome: Programs.Outcome, _ parts: String...) {
        #expect(outcome.status != 0)
        for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
        #expect(!outcome.errors.contains("Fatal error"), "\(outcome.errors)")
    }

    @Test func anEmptyDataFolderNeedsTheFlag() async throws {
        try await withFiles { cluster in
            expectError(try await start(cluster), "data", "--initialize")
        }
    }

    @Test func unknownKeysAndWrongValuesAreNamed() async throws {
        try await withFiles { cluster in
            expectError(
                try await start(cluster, "--initialize", "--set", "raft.electoin_timeout_ms=500"),
                "raft.electoin_timeout_ms"
            )
            expectError(try await start(cluster, "--initialize", "--set", "raft.election_timeout_ms=never"), "never")
            let path = cluster.nodes[0].folder + "/node.yaml"
            try TextFile.write(try TextFile.read(path) + "colour: red\n", to: path)
            expectError(try await start(cluster, "--initialize"), "colour", "node.yaml")
        }
    }

    @Test func aTakenPortIsNamed() async throws {
        try await withFiles { cluster in
            let port = cluster.plan.nodes[0].clientPort
            let taken = try ListeningSocket(port: port)
            defer { taken.close() }
            expectError(try await start(cluster, "--initialize"), "\(port)")
        }
    }

    @Test func aDataFolderThatCannotBeWrittenIsNamed() async throws {
        try await withFiles { cluster in
            let path = cluster.nodes[0].folder + "/a-file"
            try TextFile.write("", to: path)
            expectError(try await start(cluster, "--initialize", "--set", "node.data=\(path)/data"), "a-file")
        }
    }

    @Test func anOptionThatIsShortForAKeyIsNamedItself() async throws {
        try await withFiles { cluster in
            expectError(try await start(cluster, "--log-level", "loud"), "--log-level: log.level is 'loud'")
        }
    }

    @Test func keysThatOthersMayReadAreRefused() async throws {
        try await withFiles { cluster in
            let key = cluster.nodes[0].folder + "/node-key.pem"
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
            expectError(try await start(cluster, "--initialize"), "node-key.pem", "0600")
        }
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        try await withFiles { cluster in
            let authority = try CertificateAuthority(
                certificate: .file(cluster.folder + "/ca.pem"),
                key: .file(cluster.folder + "/ca-key.pem")
            )
            let context = try ClusterContext(path: cluster.folder + "/cluster.yaml")
            let day: Int64 = 86_400 * 1_000_000_000
            let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
            let past = CertificateValidity(
                notBefore: Timestamp(nanoseconds: now - 10 * day),
                notAfter: Timestamp(nanoseconds: now - day)
            )
            let expired = try authority.issueNode(
                NodeID(1),
                cluster: context.cluster,
                hosts: ["127.0.0.1"],
                validity: past
            )
            let folder = cluster.nodes[0].folder
            try expired.write(certificate: folder + "/node.pem", key: folder + "/node-key.pem")
            expectError(try await start(cluster, "--initialize"), "node.pem", "expired")
        }
    }

    @Test func dataFoldersOfOthersAreRefused() async throws {
        try await withFiles { own in
            try own.start()
            _ = try await own.waitUntilCaughtUp()
            // In use: the node is still running on it.
            expectError(
                try await start(own, "--set", "listen.client=127.0.0.1:0", "--set", "listen.peer=127.0.0.1:0"),
                "in use"
            )
            own.shutDown()
            let data = own.nodes[0].folder + "/data"
            expectError(try await start(own, "--set", "node.id=2"), "node")
            try await withFiles { other in
                expectError(try await start(other, "--set", "node.data=\(data)"), "cluster")
            }
        }
    }
}

/// A port that is taken for as long as this exists.
private struct ListeningSocket {
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard bound, listen(descriptor, 1) == 0 else { throw ToolError("port \(port) could not be taken") }
    }

    func close() { _ = Foundation.close(descriptor) }
}
