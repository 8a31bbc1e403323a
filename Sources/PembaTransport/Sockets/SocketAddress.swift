// Pemba: addresses as the kernel takes them.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import PembaCore

/// An IPv4 or IPv6 address and port.
struct SocketAddress {
    private var storage: sockaddr_storage
    private let length: socklen_t

    init(_ storage: sockaddr_storage, _ length: socklen_t) {
        self.storage = storage
        self.length = length
    }

    /// `AF_INET` or `AF_INET6`.
    var family: CInt { CInt(storage.ss_family) }

    /// Calls `body` with the address and its length.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// In numbers.
    var numeric: NetworkAddress? {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let result = withPointer { address, length in
            getnameinfo(
                address,
                length,
                &host,
                socklen_t(host.count),
                &port,
                socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV
            )
        }
        guard result == 0, let number = UInt16(text(port)) else { return nil }
        return NetworkAddress(host: text(host), port: number)
    }

    private func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// All addresses of a host, in the order in which they are to be tried (RFC 6724); may wait for a name server.
    ///
    /// - Parameter isListening: whether they are to be listened on instead of connected to.
    static func resolve(_ address: NetworkAddress, isListening: Bool = false) throws(ResolutionError) -> [SocketAddress]
    {
        if let literal = numeric(address) { return [literal] }
        // Of a family that this machine has no address of, nothing is to be expected.
        return try lookUp(address, AI_ADDRCONFIG | (isListening ? AI_PASSIVE : 0))
    }

    /// The address that a host is if it is no name, which needs no waiting.
    static func numeric(_ address: NetworkAddress) -> SocketAddress? { try? lookUp(address, AI_NUMERICHOST).first }

    private static func lookUp(_ address: NetworkAddress, _ flags: CInt) throws(ResolutionError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var first: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(address.host, String(address.port), &hints, &first)
        guard result == 0 else {
            throw ResolutionError(
                reason: result == EAI_SYSTEM ? SystemReason.text(errno) : String(cString: gai_strerror(result))
            )
        }
        defer { freeaddrinfo(first) }
        var found: [SocketAddress] = []
        var next = first
        while let info = next {
            next = info.pointee.ai_next
            let length = info.pointee.ai_addrlen
            guard let name = info.pointee.ai_addr, Int(length) <= MemoryLayout<sockaddr_storage>.size else { continue }
            var storage = sockaddr_storage()
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: name, count: Int(length)))
            }
            found.append(SocketAddress(storage, length))
        }
        guard !found.isEmpty else { throw ResolutionError(reason: "the host name has no address") }
        return found
    }
}

/// Why a host has no address.
struct ResolutionError: Error {
    let reason: String
}
