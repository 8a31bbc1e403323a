// Pemba: asking a node's health port.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Requests to the HTTP port of a node on this machine, one connection each, so that nobody is told an old answer.
package struct LocalHTTP: Sendable {
    /// An answer.
    package struct Answer: Sendable {
        /// The status code.
        package let status: Int
        /// The body.
        package let body: String
    }

    private let port: UInt16
    private let isIPv6: Bool

    /// The port on 127.0.0.1, or on ::1.
    package init(port: Int, isIPv6: Bool = false) {
        self.port = UInt16(port)
        self.isIPv6 = isIPv6
    }

    /// Asks for `path`; nil if nobody answers within a second.
    package func get(_ path: String) -> Answer? {
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard connect(descriptor) else { return nil }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        return parse(readAll(descriptor))
    }

    private func connect(_ descriptor: Int32) -> Bool {
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            return connect(descriptor, to: address)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return connect(descriptor, to: address)
    }

    private func connect<Address>(_ descriptor: Int32, to address: Address) -> Bool {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                Foundation.connect(descriptor, generic, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }

    private func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    private func parse(_ text: String) -> Answer? {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let words = text.prefix { $0 != "\r\n" }.split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        return Answer(status: status, body: String(text[end.upperBound...]))
    }

    /// The value of a metric; nil if the node does not have it or does not answer.
    package func metric(_ name: String) -> Double? { metrics(name)?[0] }

    /// The values of metrics at one moment, each named with its labels; nil if the node lacks one or does not answer.
    package func metrics(_ names: String...) -> [Double]? {
        guard let answer = get("/metrics"), answer.status == 200 else { return nil }
        var values: [Substring: Double] = [:]
        for line in answer.body.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { values[words[0]] = Double(words[1]) }
        }
        let found = names.compactMap { values[$0[...]] }
        return found.count == names.count ? found : nil
    }
}
