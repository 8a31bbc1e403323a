// Pemba: certificates and connected engines for tests.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaPKI
import PembaService
import PembaTLS

/// An authority and the certificates of one cluster.
struct TestCluster {
    let id: ClusterID
    let authority: CertifiedKey

    init(id: ClusterID = ClusterID(high: 1, low: 2)) throws {
        self.id = id
        authority = try CertificateAuthority.create().certifiedKey()
    }

    func issuer() throws -> CertificateAuthority {
        try CertificateAuthority(certificate: authority.certificate, key: authority.key)
    }

    func node(_ number: UInt64, validity: CertificateValidity = .leaf) throws -> CertifiedKey {
        try issuer().issueNode(
            NodeID(number),
            cluster: id,
            hosts: ["localhost", "127.0.0.1", "::1"],
            validity: validity
        )
    }

    func client(_ roles: Roles = .read, validity: CertificateValidity = .leaf) throws -> CertifiedKey {
        try issuer().issueClient("tester", roles: roles, cluster: id, validity: validity)
    }

    func context(_ role: TLSRole, _ own: CertifiedKey?, recordsPerKey: UInt64 = 1 << 23) throws -> TLSContext {
        try TLSContext(
            role: role,
            authority: authority.certificate,
            certificate: own?.certificate,
            key: own?.key,
            recordsPerKey: recordsPerKey
        )
    }
}

/// Two engines that face each other, and what each has received.
final class EnginePair {
    var client: TLSEngine
    var server: TLSEngine
    private(set) var clientError: TLSError?
    private(set) var serverError: TLSError?
    private var clientBuffer = ByteQueue()
    private var serverBuffer = ByteQueue()
    /// The most bytes that are handed over at a time.
    var chunk: Int

    init(
        client: TLSContext,
        server: TLSContext,
        clientExpects: PeerExpectation = .node(of: nil, id: nil),
        serverExpects: PeerExpectation = .anyone,
        chunk: Int = .max
    ) throws {
        self.client = try TLSEngine(context: client, side: .client, expecting: clientExpects)
        self.server = try TLSEngine(context: server, side: .server, expecting: serverExpects)
        self.chunk = chunk
    }

    // `#expect` copies what it looks into, which engines forbid.
    var isClientEstablished: Bool { client.isEstablished }
    var isServerEstablished: Bool { server.isEstablished }
    var clientReceived: [UInt8] { Array(clientBuffer.readable) }
    var serverReceived: [UInt8] { Array(serverBuffer.readable) }

    /// Carries pending output to and fro until there is none.
    func settle() {
        while client.pendingOutputCount > 0 || server.pendingOutputCount > 0 {
            deliver(toServer: EnginePair.drain(&client))
            deliver(toClient: EnginePair.drain(&server))
        }
    }

    /// Sends plaintext from the client to the server.
    func send(_ bytes: [UInt8]) throws { deliver(toServer: try EnginePair.seal(bytes, with: &client)) }

    /// Sends plaintext from the server to the client.
    func answer(_ bytes: [UInt8]) throws { deliver(toClient: try EnginePair.seal(bytes, with: &server)) }

    func deliver(toServer bytes: [UInt8]) {
        inChunks(bytes) { raw in
            if serverError == nil { try server.receive(raw, into: &serverBuffer) }
        } failed: {
            serverError = $0
        }
    }

    func deliver(toClient bytes: [UInt8]) {
        inChunks(bytes) { raw in
            if clientError == nil { try client.receive(raw, into: &clientBuffer) }
        } failed: {
            clientError = $0
        }
    }

    private func inChunks(
        _ bytes: [UInt8],
        _ body: (UnsafeRawBufferPointer) throws -> Void,
        failed: (TLSError) -> Void
    ) {
        var offset = 0
        while offset < bytes.count {
            // A copy of its own, so that a read beyond the chunk is one beyond the allocation.
            let part = Array(bytes[offset..<min(bytes.count, offset + min(chunk, bytes.count))])
            do {
                try part.withUnsafeBytes { try body($0) }
            } catch let error as TLSError {
                failed(error)
            } catch {
                preconditionFailure("the engine throws its own errors only, and not \(error)")
            }
            offset += part.count
        }
    }

    static func drain(_ engine: inout TLSEngine) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: engine.pendingOutputCount)
        let count = output.withUnsafeMutableBytes { engine.takeOutput(into: $0) }
        return Array(output[..<count])
    }

    static func seal(_ bytes: [UInt8], with engine: inout TLSEngine) throws -> [UInt8] {
        var output = [UInt8](repeating: 0, count: engine.sealedBound(bytes.count))
        let count = try output.withUnsafeMutableBytes { window in
            try bytes.withUnsafeBytes { raw in try engine.seal(raw, into: window) }
        }
        return Array(output[..<count])
    }
}
