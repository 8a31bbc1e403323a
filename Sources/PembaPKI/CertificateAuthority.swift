// Pemba: the authority that vouches for the nodes and clients of one cluster.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import PembaCore
package import PembaService
package import PembaTLS

/// The authority that vouches for the nodes and clients of one cluster: EC P-256, self-signed.
///
/// Needed only to issue certificates; nodes and clients hold its certificate and never its key.
package struct CertificateAuthority: ~Copyable {
    private let certificate: CertificateHandle
    private let key: KeyHandle

    private init(certificate: consuming CertificateHandle, key: consuming KeyHandle) {
        self.certificate = certificate
        self.key = key
    }

    /// Makes a new authority.
    package static func create(
        named name: String = "Pemba cluster authority",
        validity: CertificateValidity = .authority
    ) throws(PKIError) -> CertificateAuthority {
        let key = try generateKey()
        let draft = CertificateDraft(commonName: name, purpose: .authority, names: [], validity: validity)
        let certificate = try draft.sign(publicKey: key, issuer: nil, issuerKey: key)
        return CertificateAuthority(certificate: certificate, key: key)
    }

    /// Loads an authority that was stored; refuses a key of another certificate, and certificates of non-authorities.
    package init(certificate certificateSource: PEMSource, key keySource: PEMSource) throws(PKIError) {
        let certificate = try CertificateAuthority.loading { () throws(TLSError) in
            try PEM.certificate(in: certificateSource)
        }
        let key = try CertificateAuthority.loading { () throws(TLSError) in try PEM.key(in: keySource) }
        ErrorQueue.clear()
        guard X509_check_private_key(certificate.pointer, key.pointer) == 1 else {
            ErrorQueue.clear()
            throw .tls(.keyMismatch(certificate: certificateSource.name, key: keySource.name))
        }
        guard X509_check_ca(certificate.pointer) == 1 else { throw .notAnAuthority(source: certificateSource.name) }
        self.certificate = certificate
        self.key = key
    }

    /// Loads an authority from its two files.
    package init(certificateFile: String, keyFile: String) throws(PKIError) {
        try self.init(certificate: .file(certificateFile), key: .file(keyFile))
    }

    private static func loading<Handle: ~Copyable>(_ body: () throws(TLSError) -> Handle) throws(PKIError) -> Handle {
        do throws(TLSError) {
            return try body()
        } catch {
            throw .tls(error)
        }
    }

    /// Its own certificate and key, for storing.
    package borrowing func certifiedKey() throws(PKIError) -> CertifiedKey {
        try CertifiedKey(certificate: certificate, key: key)
    }

    /// Issues a certificate with which a node serves clients and speaks with the other nodes.
    ///
    /// `hosts` are the names and addresses under which it is reached; Pemba itself goes by the identity alone.
    package borrowing func issueNode(
        _ node: NodeID,
        cluster: ClusterID,
        hosts: [String],
        validity: CertificateValidity = .leaf
    ) throws(PKIError) -> CertifiedKey {
        try issue(.node(cluster, node), commonName: "node \(node)", purpose: .node, hosts: hosts, validity: validity)
    }

    /// Issues a certificate with which a client may do what `roles` say.
    package borrowing func issueClient(
        _ name: String,
        roles: Roles,
        cluster: ClusterID,
        validity: CertificateValidity = .leaf
    ) throws(PKIError) -> CertifiedKey {
        guard PeerIdentity.isClientName(name) else { throw .invalidClientName(name) }
        guard !roles.isEmpty else { throw .noRoles }
        let identity = PeerIdentity.client(cluster, name: name, roles: roles)
        return try issue(identity, commonName: name, purpose: .client, hosts: [], validity: validity)
    }

    private borrowing func issue(
        _ identity: PeerIdentity,
        commonName: String,
        purpose: CertificateDraft.Purpose,
        hosts: [String],
        validity: CertificateValidity
    ) throws(PKIError) -> CertifiedKey {
        var names = hosts.map { CertificateDraft.AlternativeName.host($0) }
        if let uri = identity.uri { names.append(.uri(uri)) }
        let leafKey = try CertificateAuthority.generateKey()
        let draft = CertificateDraft(commonName: commonName, purpose: purpose, names: names, validity: validity)
        let leaf = try draft.sign(publicKey: leafKey, issuer: certificate.pointer, issuerKey: key)
        return try CertifiedKey(certificate: leaf, key: leafKey)
    }

    private static func generateKey() throws(PKIError) -> KeyHandle {
        ErrorQueue.clear()
        guard let key = pemba_generate_p256() else { throw .tls(ErrorQueue.failure("EVP_EC_gen")) }
        return KeyHandle(key)
    }
}
