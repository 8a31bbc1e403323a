// Pemba: what a client's configuration comes to.
// SPDX-License-Identifier: Apache-2.0

import PembaTLS
import PembaTransport
import PembaWire

/// The configuration with its files read: what connections are made with.
struct ClientContext: Sendable {
    /// The client's software and its version, for the nodes' logs.
    static let software = "pemba-swift/0.1.0"
    /// How long a node may take for its `helloAnswer`.
    static let helloTimeout = Duration.seconds(5)

    let configuration: ClientConfiguration
    let tls: TLSContext
    let hello: Hello
    let options: ConnectionOptions

    init(_ configuration: ClientConfiguration) throws(ClientError) {
        if let problem = configuration.problem { throw ClientError(.configuration(problem)) }
        var certificate: PEMSource?
        var key: PEMSource?
        var bearerKey = ""
        do {
            switch configuration.credentials {
            case .certificate(let pem, let keyPEM):
                certificate = pem.source(named: "the client certificate")
                key = keyPEM.source(named: "the client key")
            case .bearerKey(let text): bearerKey = text
            case .bearerKeyFile(let path): bearerKey = try ClientContext.bearerKey(in: path)
            }
            tls = try TLSContext(
                role: .client,
                authority: configuration.authority.source(named: "the cluster's authority"),
                certificate: certificate,
                key: key
            )
        } catch {
            throw ClientError(.configuration(error.description))
        }
        guard bearerKey.utf8.count <= Hello.bearerKeyBytes else {
            throw ClientError(.configuration("a bearer key has at most \(Hello.bearerKeyBytes) bytes"))
        }
        guard configuration.name.utf8.count <= Hello.nameBytes else {
            throw ClientError(.configuration("a client's name has at most \(Hello.nameBytes) bytes"))
        }
        hello = Hello(
            cluster: configuration.cluster,
            software: ClientContext.software,
            caller: .client(name: configuration.name, bearerKey: bearerKey)
        )
        var options = ConnectionOptions()
        options.idleTimeout = .seconds(60)
        // A node that hangs would hold up what is in flight for so long before it is sent to another.
        options.closeTimeout = .milliseconds(200)
        self.options = options
        self.configuration = configuration
    }

    private static func bearerKey(in path: String) throws(TLSError) -> String {
        let bytes = try PEMSource.file(path).read(secret: true)
        let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
        let start = bytes.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { start[...$0] } ?? []
        return String(decoding: end, as: UTF8.self)
    }
}
