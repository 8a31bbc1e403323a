// Pemba: ports that nobody uses.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Ports of 127.0.0.1 that the kernel gave out a moment ago: free unless somebody else takes one in between.
package enum FreePorts {
    /// `count` distinct ports.
    package static func find(_ count: Int) throws(ToolError) -> [Int] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        var ports: [Int] = []
        for _ in 0..<count {
            // All are held open until the last is found, so that the kernel gives out none twice.
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else {
                throw ToolError("no socket could be made: \(String(cString: strerror(errno)))")
            }
            sockets.append(descriptor)
            ports.append(try bindToFreePort(descriptor))
        }
        return ports
    }

    private static func bindToFreePort(_ descriptor: Int32) throws(ToolError) -> Int {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw ToolError("no port of 127.0.0.1 is free: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
