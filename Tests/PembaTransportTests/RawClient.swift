// Pemba: a client that does not play by the rules, for tests.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import PembaCore
import PembaTLS
import PembaTransport
import Testing

/// A blocking socket, with or without TLS, that sends and reads only what the test tells it to.
final class RawClient {
    private let descriptor: CInt
    private var engine: TLSEngine?
    private var buffer = ByteQueue()

    /// Connects to a listener on 127.0.0.1 and, with a context, shakes hands.
    init(_ address: NetworkAddress, tls: TLSContext? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        // Nothing here waits for longer than any machine needs.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        if let tls { try shakeHands(tls) }
    }

    deinit { Glibc.close(descriptor) }

    private func shakeHands(_ tls: TLSContext) throws {
        var engine = try TLSEngine(context: tls, side: .client, expecting: .node(of: nil, id: nil))
        while !engine.isEstablished {
            sendRaw(drain(&engine))
            let bytes = receiveRaw()
            try #require(!bytes.isEmpty)
            try bytes.withUnsafeBytes { _ = try engine.receive($0, into: &buffer) }
        }
        sendRaw(drain(&engine))
        self.engine = consume engine
    }

    private func drain(_ engine: inout TLSEngine) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: engine.pendingOutputCount)
        let count = output.withUnsafeMutableBytes { engine.takeOutput(into: $0) }
        return Array(output[..<count])
    }

    /// Sends bytes through TLS; `chunk` bytes of ciphertext at a time.
    func send(_ plaintext: [UInt8], chunk: Int = .max) throws {
        var output = [UInt8](repeating: 0, count: engine?.sealedBound(plaintext.count) ?? 0)
        let count = try output.withUnsafeMutableBytes { window in
            try plaintext.withUnsafeBytes { try engine?.seal($0, into: window) ?? 0 }
        }
        var offset = 0
        while offset < count {
            let end = min(count, offset + min(chunk, count))
            sendRaw(Array(output[offset..<end]))
            offset = end
        }
    }

    /// Sends bytes as they are; false once the other side does not take them any more.
    @discardableResult
    func sendRaw(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes { raw in
                Glibc.send(descriptor, raw.baseAddress.map { $0 + offset }, raw.count - offset, CInt(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            offset += sent
        }
        return true
    }

    /// Reads what is there; empty at the end of the stream or after an error.
    func receiveRaw() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : []
    }

    /// Reads until the other side has closed.
    func receiveToEnd() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = receiveRaw()
            if bytes.isEmpty { return all }
            all += bytes
        }
    }
}
