// Pemba: tests of loading certificates and keys.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import Testing

@Suite struct TLSContextTests {
    private let cluster: TestCluster
    private let folder: TemporaryFolder

    init() throws {
        cluster = try TestCluster()
        folder = try TemporaryFolder()
        try cluster.authority.write(certificate: folder.path("ca.pem"), key: folder.path("ca-key.pem"))
        try cluster.node(1).write(certificate: folder.path("node.pem"), key: folder.path("node-key.pem"))
    }

    private func load(certificate: String = "node.pem", key: String = "node-key.pem") throws -> TLSContext {
        try TLSContext(
            role: .peer,
            authority: .file(folder.path("ca.pem")),
            certificate: .file(folder.path(certificate)),
            key: .file(folder.path(key))
        )
    }

    @Test func filesAreLoaded() throws {
        let context = try load()
        #expect(context.ownIdentity == .node(cluster.id, NodeID(1)))
        let now = Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9))
        let days = try #require(context.certificateDaysLeft(at: now))
        #expect(abs(days - 365) < 0.01)
    }

    @Test(arguments: [0o644, 0o640, 0o660, 0o604, 0o700])
    func keysThatOthersCanReachAreRefused(mode: Int) throws {
        let path = folder.path("node-key.pem")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        #expect(throws: TLSError.exposedKeyFile(path: path, mode: UInt32(mode))) { try load() }
    }

    @Test(arguments: [0o600, 0o400])
    func keysOfTheirOwnerAloneAreAccepted(mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: folder.path("node-key.pem"))
        _ = try load()
    }

    @Test func aMissingFileIsNamed() throws {
        #expect(throws: TLSError.unreadableFile(path: folder.path("no.pem"), reason: "No such file or directory")) {
            try load(certificate: "no.pem")
        }
    }

    @Test func aFolderIsNoFile() throws {
        #expect(throws: TLSError.unreadableFile(path: folder.path(""), reason: "not a regular file")) {
            try load(certificate: "")
        }
    }

    @Test func aKeyOfAnotherCertificateIsRefused() throws {
        try cluster.node(2).write(certificate: folder.path("other.pem"), key: folder.path("other-key.pem"))
        #expect(
            throws: TLSError.keyMismatch(certificate: folder.path("node.pem"), key: folder.path("other-key.pem"))
        ) {
            try load(key: "other-key.pem")
        }
    }

    @Test func anExpiredCertificateIsRefused() throws {
        let past = CertificateValidity(
            notBefore: Timestamp(nanoseconds: 1_000_000_000_000_000_000),
            notAfter: Timestamp(nanoseconds: 1_000_086_400_000_000_000)
        )
        try cluster.node(1, validity: past).write(
            certificate: folder.path("node.pem"),
            key: folder.path("node-key.pem")
        )
        #expect(throws: TLSError.certificateExpired(source: folder.path("node.pem"))) { try load() }
    }

    @Test func aCertificateOfTheFutureIsRefused() throws {
        let future = CertificateValidity(
            notBefore: Timestamp(nanoseconds: 7_000_000_000_000_000_000),
            notAfter: Timestamp(nanoseconds: 7_000_086_400_000_000_000)
        )
        try cluster.node(1, validity: future).write(
            certificate: folder.path("node.pem"),
            key: folder.path("node-key.pem")
        )
        #expect(throws: TLSError.certificateNotYetValid(source: folder.path("node.pem"))) { try load() }
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() throws {
        let foreign = try TestCluster()
        try foreign.node(1).write(certificate: folder.path("node.pem"), key: folder.path("node-key.pem"))
        #expect {
            try load()
        } throws: { error in
            guard case .certificateUntrusted(let source, _) = error as? TLSError else { return false }
            return source == folder.path("node.pem")
        }
    }

    @Test func whatIsNotPEMIsRefused() throws {
        let garbage = PEMSource.bytes(Array("-----BEGIN CERTIFICATE-----\nx\n".utf8), name: "garbage")
        let own = try cluster.node(1)
        #expect(throws: TLSError.malformedPEM(source: "garbage", expected: "certificates")) {
            try TLSContext(role: .client, authority: garbage)
        }
        #expect(throws: TLSError.malformedPEM(source: "garbage", expected: "a private key")) {
            try TLSContext(
                role: .peer,
                authority: cluster.authority.certificate,
                certificate: own.certificate,
                key: garbage
            )
        }
    }

    @Test func aKeyWithPassphraseIsRefusedWithoutAskingForIt() throws {
        let encrypted = PEMSource.bytes(Array(EncryptedKey.pem.utf8), name: "encrypted")
        let own = try cluster.node(1)
        #expect(throws: TLSError.encryptedKey(source: "encrypted")) {
            try TLSContext(
                role: .peer,
                authority: cluster.authority.certificate,
                certificate: own.certificate,
                key: encrypted
            )
        }
    }

    @Test(arguments: [TLSRole.peer, .server])
    func nodesNeedACertificate(role: TLSRole) throws {
        #expect(throws: TLSError.missingCertificate(role: role.rawValue)) {
            try TLSContext(role: role, authority: cluster.authority.certificate)
        }
    }
}

@Suite struct PeerIdentityTests {
    private static let cluster = ClusterID(high: 0xAB, low: 0xCD)

    @Test(arguments: [
        PeerIdentity.node(cluster, NodeID(7)),
        .client(cluster, name: "ci-1.x_y", roles: .read),
        .client(cluster, name: "a", roles: [.read, .write, .schema, .admin]),
    ])
    func whatIsWrittenIsRead(identity: PeerIdentity) throws {
        #expect(PeerIdentity(uri: try #require(identity.uri)) == identity)
    }

    @Test(arguments: [
        "", "pemba://", "pemba://x/node/1", "pemba://\(cluster)/node/0", "pemba://\(cluster)/node/01",
        "pemba://\(cluster)/node/-1", "pemba://\(cluster)/node/1/2", "pemba://\(cluster)/node/18446744073709551616",
        "pemba://\(cluster)/client/a", "pemba://\(cluster)/client/a?roles=", "pemba://\(cluster)/client/a?roles=root",
        "pemba://\(cluster)/client/?roles=read", "pemba://\(cluster)/client/a b?roles=read",
        "pemba://\(cluster)/client/a?roles=read?roles=admin", "pemba://\(cluster)/robot/1", "https://\(cluster)/node/1",
    ])
    func anythingElseIsNot(uri: String) {
        #expect(PeerIdentity(uri: uri) == nil)
    }
}
