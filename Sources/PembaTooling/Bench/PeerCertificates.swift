// Pemba: certificates for the servers that Pemba is compared with.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaPKI

/// Files of an authority and of a server on this machine, in the form that any server with TLS reads.
package struct PeerCertificates {
    /// The authority's certificate.
    package let authority: String
    /// The server's certificate.
    package let certificate: String
    /// The server's private key.
    package let key: String

    /// Issues new ones into `folder`, which exists.
    package init(in folder: String) throws(ToolError) {
        self.authority = folder + "/ca.pem"
        certificate = folder + "/server.pem"
        key = folder + "/server-key.pem"
        do {
            let authority = try CertificateAuthority.create(named: "Benchmark")
            try authority.certifiedKey().write(certificate: self.authority, key: folder + "/ca-key.pem")
            let cluster = ClusterID(high: 1, low: 1)
            let issued = try authority.issueNode(NodeID(1), cluster: cluster, hosts: ["127.0.0.1", "localhost"])
            try issued.write(certificate: certificate, key: key)
        } catch {
            throw ToolError(error.description)
        }
    }
}
