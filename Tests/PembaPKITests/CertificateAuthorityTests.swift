// Pemba: tests of issuing certificates.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaPKI
import PembaService
import PembaTLS
import Testing

@Suite struct CertificateAuthorityTests {
    private let cluster = ClusterID(high: 3, low: 4)

    private func issuer(_ stored: CertifiedKey) throws -> CertificateAuthority {
        try CertificateAuthority(certificate: stored.certificate, key: stored.key)
    }

    @Test func aStoredAuthorityIssuesWhatItsCertificateVerifies() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-pki-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificatePath = folder.appendingPathComponent("ca.pem").path
        let keyPath = folder.appendingPathComponent("ca-key.pem").path
        try CertificateAuthority.create().certifiedKey().write(certificate: certificatePath, key: keyPath)
        // Writing again replaces both.
        try CertificateAuthority.create().certifiedKey().write(certificate: certificatePath, key: keyPath)
        let mode = try FileManager.default.attributesOfItem(atPath: keyPath)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let authority = try CertificateAuthority(certificate: .file(certificatePath), key: .file(keyPath))
        let node = try authority.issueNode(NodeID(9), cluster: cluster, hosts: ["node9.example", "10.0.0.1", "::1"])
        let context = try TLSContext(
            role: .peer,
            authority: .file(certificatePath),
            certificate: node.certificate,
            key: node.key
        )
        #expect(context.ownIdentity == .node(cluster, NodeID(9)))
        let client = try authority.issueClient("ci", roles: [.read, .schema], cluster: cluster)
        let clientContext = try TLSContext(
            role: .client,
            authority: .file(certificatePath),
            certificate: client.certificate,
            key: client.key
        )
        #expect(clientContext.ownIdentity == .client(cluster, name: "ci", roles: [.read, .schema]))
    }

    @Test(arguments: ["", "a b", "a/b", "a?roles=admin", "ä", String(repeating: "a", count: 65)])
    func namesThatCouldBeReadOtherwiseAreRefused(name: String) throws {
        let stored = try CertificateAuthority.create().certifiedKey()
        #expect(throws: PKIError.invalidClientName(name)) {
            try issuer(stored).issueClient(name, roles: .read, cluster: cluster)
        }
    }

    @Test(arguments: ["", "a,URI:pemba://x", "a..b", "-a", "a b", "256.1.1.1:1"])
    func hostsThatAreNoneAreRefused(host: String) throws {
        let stored = try CertificateAuthority.create().certifiedKey()
        #expect(throws: PKIError.invalidHost(host)) {
            try issuer(stored).issueNode(NodeID(1), cluster: cluster, hosts: [host])
        }
    }

    @Test func aClientWithoutRolesIsRefused() throws {
        let stored = try CertificateAuthority.create().certifiedKey()
        #expect(throws: PKIError.noRoles) { try issuer(stored).issueClient("x", roles: [], cluster: cluster) }
    }

    @Test func aLeafIsNoAuthority() throws {
        let stored = try CertificateAuthority.create().certifiedKey()
        let leaf = try issuer(stored).issueNode(NodeID(1), cluster: cluster, hosts: [])
        #expect(throws: PKIError.notAnAuthority(source: leaf.certificate.name)) { try _ = issuer(leaf) }
    }

    @Test func aValidityThatEndsBeforeItBeginsIsRefused() throws {
        let backwards = CertificateValidity(notBefore: Timestamp(nanoseconds: 2_000_000_000), notAfter: .zero)
        #expect(throws: PKIError.invalidValidity) { try _ = CertificateAuthority.create(validity: backwards) }
    }

    @Test func aFolderThatDoesNotExistIsNamed() throws {
        let own = try CertificateAuthority.create().certifiedKey()
        #expect(throws: PKIError.unwritableFile(path: "/nonexistent/key.pem", reason: "No such file or directory")) {
            try own.write(certificate: "/nonexistent/ca.pem", key: "/nonexistent/key.pem")
        }
    }

    @Test func everyBearerKeyIsAnother() throws {
        let first = try BearerKey.generate()
        let second = try BearerKey.generate()
        #expect(first.text != second.text)
        #expect(first.text.utf8.count == 64)
        #expect(first.sha256 == SHA256.digest(Array(first.text.utf8)).hexadecimal)
    }

    @Test func digestsAreThoseOfTheStandard() {
        // FIPS 180-4, example of one block.
        let digest = SHA256.digest(Array("abc".utf8))
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(SHA256.matches(digest, digest))
        #expect(!SHA256.matches(digest, SHA256.digest([])))
    }
}
