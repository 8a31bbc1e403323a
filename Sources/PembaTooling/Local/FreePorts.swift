// Pemba: ports that nobody uses.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ports of 127.0.0.1 that nobody listens on, outside the range from which the kernel gives ports to connections.
///
/// A port of that range could be taken by any connection before a node listens on it.
package enum FreePorts {
    private static let lowest = 10_000
    /// Where to look next; random at first, so that two processes hardly ever look at the same ports.
    private static let next = Mutex(Int.random(in: lowest..<firstOfConnections))

    /// The lowest port that the kernel gives to connections (ip(7), `ip_local_port_range`).
    private static let firstOfConnections: Int = {
        let range = FileManager.default.contents(atPath: "/proc/sys/net/ipv4/ip_local_port_range") ?? Data()
        let first = String(decoding: range, as: UTF8.self).split { $0 == "\t" || $0 == " " }.first.flatMap { Int($0) }
        return max(first ?? 32_768, lowest + 1_000)
    }()

    /// `count` distinct ports, none of which this process was given before.
    package static func find(_ count: Int) throws(ToolError) -> [Int] {
        var ports: [Int] = []
        for _ in 0..<(firstOfConnections - lowest) {
            if ports.count == count { return ports }
            let port = next.withLock { next in
                next = next + 1 < firstOfConnections ? next + 1 : lowest
                return next
            }
            if try isFree(port) { ports.append(port) }
        }
        throw ToolError("there are no \(count) free ports on 127.0.0.1 between \(lowest) and \(firstOfConnections)")
    }

    private static func isFree(_ port: Int) throws(ToolError) -> Bool {
        // Closed in programs that are started just now, or they would keep the port.
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ToolError("no socket could be made: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
