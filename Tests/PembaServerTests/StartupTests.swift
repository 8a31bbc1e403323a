// Pemba: tests of nodes that must not start.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import PembaCore
import PembaPKI
import Testing

@testable import PembaServer

@Suite(.serialized, .timeLimit(.minutes(4)))
struct StartupTests {
    private let node = NodeID(1)

    /// How a start ends that must not succeed.
    private func refusal(_ body: () throws -> Void) -> StartupError? {
        do {
            try body()
            return nil
        } catch {
            return error as? StartupError
        }
    }

    @Test func anEmptyFolderNeedsInitialize() throws {
        let cluster = try TestCluster(size: 1)
        let error = try #require(refusal { try cluster.start(node, initialize: false) })
        #expect(error.exitCode == .folderUnusable)
        #expect(error.message.contains("--initialize"))
    }

    @Test func aFolderInUseIsRefused() throws {
        let cluster = try TestCluster(size: 1)
        try cluster.start(node)
        let ports = ["listen.client=127.0.0.1:0", "listen.peer=127.0.0.1:0", "listen.http=off"]
        let error = try #require(refusal { try cluster.start(node, ports) })
        #expect(error.exitCode == .folderUnusable)
        #expect(error.message.contains("another process has it open"))
        cluster.stopAll()
    }

    @Test func theFolderOfAnotherNodeOrClusterIsRefused() throws {
        let cluster = try TestCluster(size: 2)
        try cluster.start(node)
        cluster.stopAll()
        let folder = "node.data=\(cluster.path("data1"))"
        let wrongNode = try #require(refusal { try cluster.start(NodeID(2), [folder]) })
        #expect(wrongNode.exitCode == .folderUnusable)
        #expect(wrongNode.message.contains("belongs to node 1, and this is node 2"), "\(wrongNode)")
        let other = try TestCluster(size: 1)
        let wrongCluster = try #require(refusal { try other.start(node, [folder]) })
        #expect(wrongCluster.exitCode == .folderUnusable)
        #expect(wrongCluster.message.contains("belongs to cluster \(cluster.id)"), "\(wrongCluster)")
    }

    @Test func aFolderWithSomethingElseIsRefused() throws {
        let cluster = try TestCluster(size: 1)
        try FileManager.default.createDirectory(atPath: cluster.path("data1"), withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: cluster.path("data1/letter.txt")))
        let error = try #require(refusal { try cluster.start(node) })
        #expect(error.exitCode == .folderUnusable && error.message.contains("letter.txt"))
    }

    @Test func aTakenPortIsNamed() throws {
        let cluster = try TestCluster(size: 2)
        try cluster.start(node)
        for key in ["listen.client", "listen.peer", "listen.http"] {
            let taken = "\(key)=\(cluster.members[0].client)"
            let error = try #require(refusal { try cluster.start(NodeID(2), [taken]) })
            #expect(error.exitCode == .portUnavailable)
            #expect(error.message.contains(key) && error.message.contains("\(cluster.members[0].client)"), "\(error)")
        }
        cluster.stopAll()
        // Nothing was left behind: the same node starts where its ports are free.
        try cluster.start(NodeID(2))
        cluster.stopAll()
    }

    @Test func anExposedKeyIsRefused() throws {
        let cluster = try TestCluster(size: 1)
        chmod(cluster.path("node1-key.pem"), 0o644)
        let error = try #require(refusal { try cluster.start(node) })
        #expect(error.exitCode == .noPermission && error.message.contains("chmod 600"))
    }

    @Test func certificatesThatAreNotThisNodesAreRefused() throws {
        let cluster = try TestCluster(size: 2)
        let swapped = ["tls.certificate=\(cluster.path("node2.pem"))", "tls.key=\(cluster.path("node2-key.pem"))"]
        let wrongNode = try #require(refusal { try cluster.start(node, swapped) })
        #expect(wrongNode.exitCode == .configuration)
        #expect(wrongNode.message.contains("node 2") && wrongNode.message.contains("this is node 1"), "\(wrongNode)")
        let missing = try #require(refusal { try cluster.start(node, ["tls.ca=/nowhere/ca.pem"]) })
        #expect(missing.exitCode == .configuration && missing.message.contains("/nowhere/ca.pem"))
        let authority = try CertificateAuthority.create()
        let past = Timestamp(nanoseconds: 1_600_000_000_000_000_000)
        let expired = try authority.issueNode(
            node,
            cluster: cluster.id,
            hosts: ["127.0.0.1"],
            validity: CertificateValidity(notBefore: past, notAfter: Timestamp(nanoseconds: past.nanoseconds + 86_400))
        )
        try expired.write(certificate: cluster.path("node1.pem"), key: cluster.path("node1-key.pem"))
        let old = try #require(refusal { try cluster.start(node) })
        #expect(old.exitCode == .configuration && old.message.contains("expired"), "\(old)")
    }

    @Test func badCredentialsAreRefused() throws {
        let cluster = try TestCluster(size: 1)
        let error = try #require(refusal { try cluster.start(node, ["credentials=/nowhere/credentials.yaml"]) })
        #expect(error.exitCode == .configuration && error.message.contains("No such file"), "\(error)")
    }
}
