// Pemba: which process answers on a port.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Finds the process of this machine that listens on a port, from `/proc` (proc(5)).
package enum ListeningProcess {
    /// The process that listens on the TCP port; nil if there is none, or if it belongs to another user.
    package static func find(port: Int) -> Int32? {
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { listeners($0, port: port) }
        guard !sockets.isEmpty else { return nil }
        let names = Set(sockets.map { "socket:[\($0)]" })
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for process in processes.compactMap({ Int32($0) }) {
            let folder = "/proc/\(process)/fd"
            for file in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + file)
                if let target, names.contains(target) { return process }
            }
        }
        return nil
    }

    /// The inodes of the sockets in the table that listen on the port.
    private static func listeners(_ table: String, port: Int) -> [String] {
        guard let data = FileManager.default.contents(atPath: table) else { return [] }
        let digits = String(port, radix: 16, uppercase: true)
        let ending = ":" + String(repeating: "0", count: 4 - digits.count) + digits
        return String(decoding: data, as: UTF8.self).split(separator: "\n").compactMap { line in
            // The columns: number, local address, remote address, state (0A: listening), …, inode.
            let columns = line.split(separator: " ")
            guard columns.count > 9, columns[1].hasSuffix(ending), columns[3] == "0A" else { return nil }
            return String(columns[9])
        }
    }
}
