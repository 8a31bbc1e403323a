// Pemba: the files of a new cluster.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaPKI
package import PembaService

/// Writes the certificate authority, certificates, configurations and context file of a new cluster.
package enum ClusterFiles {
    /// What was created.
    package struct Created: Encodable {
        /// The new cluster's id.
        package let cluster: String
        /// The folder of everything but, perhaps, the context file.
        package let directory: String
        /// The context file.
        package let context: String
        /// Each node's configuration file, in the order of the nodes.
        package let configurations: [String]

        /// What was created and what to do next, for people.
        package var text: String {
            var lines = ["cluster \(cluster)", "certificate authority: \(directory)/ca.pem (keep ca-key.pem offline)"]
            lines += configurations.map { "start with: pembad --config \($0) --initialize" }
            lines.append("context file: \(context)")
            return lines.joined(separator: "\n") + "\n"
        }
    }

    /// Creates the files of `plan` below `directory`, with a new cluster id, and the context file at `contextPath`.
    package static func create(_ plan: ClusterPlan, in directory: String, contextPath: String) throws -> Created {
        let root = URL(fileURLWithPath: directory).standardizedFileURL.path
        let context = URL(fileURLWithPath: contextPath).standardizedFileURL.path
        for path in [root + "/ca.pem", root + "/ca-key.pem", context] where FileManager.default.fileExists(atPath: path)
        {
            throw ToolError("\(path) exists already; nothing was changed: choose another place, or move it away first")
        }
        var random = SystemRandomNumberGenerator()
        let cluster = ClusterID(high: random.next(), low: random.next())
        try makeFolder(root)
        try makeFolder(URL(fileURLWithPath: context).deletingLastPathComponent().path)

        try writeCertificates(plan, cluster: cluster, root: root)
        for node in plan.nodes {
            let path = "\(root)/\(node.folder)/node.yaml"
            try TextFile.write(plan.configuration(of: node, cluster: cluster), to: path)
        }
        let contextFile = ClusterContext(
            cluster: cluster,
            endpoints: plan.nodes.map(\.clientAddress),
            ca: root + "/ca.pem",
            credential: .certificate(certificate: root + "/admin/admin.pem", key: root + "/admin/admin-key.pem")
        )
        try TextFile.write(contextFile.text, to: context)
        return Created(
            cluster: cluster.description,
            directory: root,
            context: context,
            configurations: plan.nodes.map { "\(root)/\($0.folder)/node.yaml" }
        )
    }

    private static func writeCertificates(_ plan: ClusterPlan, cluster: ClusterID, root: String) throws {
        do {
            let authority = try CertificateAuthority.create(named: "Pemba cluster \(cluster)")
            // A host that cannot stand in a certificate is known before anything is written.
            let issued = try plan.nodes.map { try certificate(of: $0, by: authority, cluster: cluster) }
            let admin = try authority.issueClient("admin", roles: .admin, cluster: cluster)
            let own = try authority.certifiedKey()
            try own.write(certificate: root + "/ca.pem", key: root + "/ca-key.pem")
            for (node, key) in zip(plan.nodes, issued) { try write(key, of: node, authority: own, root: root) }
            try makeFolder(root + "/admin")
            try admin.write(certificate: root + "/admin/admin.pem", key: root + "/admin/admin-key.pem")
        } catch let error as PKIError {
            throw ToolError(error.description)
        }
    }

    /// The certificate of a node; one on this machine is reached as `localhost` too.
    private static func certificate(
        of node: ClusterPlan.Node,
        by authority: borrowing CertificateAuthority,
        cluster: ClusterID
    ) throws -> CertifiedKey {
        let hosts = ["127.0.0.1", "::1"].contains(node.host) ? [node.host, "localhost"] : [node.host]
        return try authority.issueNode(NodeID(node.id), cluster: cluster, hosts: hosts)
    }

    /// Makes the folder of a node with its certificate, its key and the authority's certificate.
    private static func write(
        _ key: CertifiedKey,
        of node: ClusterPlan.Node,
        authority: CertifiedKey,
        root: String
    ) throws {
        let folder = root + "/" + node.folder
        try makeFolder(folder)
        try key.write(certificate: folder + "/node.pem", key: folder + "/node-key.pem")
        try SecureFile.write(authority.certificatePEM, to: folder + "/ca.pem", mode: 0o644)
    }

    private static func makeFolder(_ path: String) throws(ToolError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ToolError("the folder \(path) could not be created: \(error.localizedDescription)")
        }
    }

    /// The certificates of a PEM file, each without its first line and white space.
    private static func certificates(in pem: String) -> [String] {
        pem.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().map { text in
            let end = text.range(of: "-----END")?.lowerBound ?? text.endIndex
            return text[..<end].filter { !$0.isWhitespace }
        }
    }

    // MARK: - One node more

    /// The files of a node that is to be added.
    package struct Prepared: Encodable {
        /// The new node.
        package let node: UInt64
        /// Its folder.
        package let directory: String
        /// Its configuration file.
        package let configuration: String
        /// Where other nodes reach it.
        package let peer: String
        /// Where clients reach it.
        package let client: String

        /// What was made and what to do next, for people.
        package var text: String {
            """
            node \(node): \(directory)
            on its machine:   pembad --config \(configuration) --join
            then:             clusterctl member add \(node) --peer \(peer) --client \(client)

            """
        }
    }

    /// Makes the files of `node`, which is to be added to the cluster of `status`, below the folder of the certificate
    /// authority, which must be among those in the file `authorities`, by which the cluster was reached.
    package static func prepare(
        _ node: ClusterPlan.Node,
        for status: NodeStatus,
        knownBy authorities: String,
        in directory: String
    ) throws -> Prepared {
        let root = URL(fileURLWithPath: directory).standardizedFileURL.path
        let folder = root + "/" + node.folder
        guard !FileManager.default.fileExists(atPath: folder) else {
            throw ToolError("\(folder) exists already; nothing was changed: each id is used once")
        }
        if let member = status.members.first(where: { $0.node.rawValue == node.id }) {
            throw ToolError("node \(member.node) is a member already, reached at \(member.peerAddress)")
        }
        let known = certificates(in: try TextFile.read(authorities))
        guard let own = certificates(in: try TextFile.read(root + "/ca.pem")).first, known.contains(own) else {
            throw ToolError(
                "\(root)/ca.pem is the certificate authority of another cluster: the nodes of cluster \(status.cluster) are "
                    + "known by \(authorities); give the folder of this cluster with --directory"
            )
        }
        do {
            let authority = try CertificateAuthority(
                certificateFile: root + "/ca.pem",
                keyFile: root + "/ca-key.pem"
            )
            let key = try certificate(of: node, by: authority, cluster: status.cluster)
            try write(key, of: node, authority: try authority.certifiedKey(), root: root)
        } catch let error as PKIError {
            throw ToolError(error.description)
        }
        let members = status.members.map {
            ClusterPlan.line($0.node.rawValue, peer: $0.peerAddress, client: $0.clientAddress)
        }
        let path = folder + "/node.yaml"
        let text = ClusterPlan.configuration(of: node, cluster: status.cluster, members: members + [node.line])
        try TextFile.write(text, to: path)
        return Prepared(
            node: node.id,
            directory: folder,
            configuration: path,
            peer: node.peerAddress,
            client: node.clientAddress
        )
    }
}
