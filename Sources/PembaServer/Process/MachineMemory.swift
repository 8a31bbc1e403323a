// Pemba: how much memory the process uses and may use.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Readings of the process's memory and of what the machine or its control group grants.
package enum MachineMemory {
    /// Which part of the granted memory the node uses before it refuses writes: the kernel kills it at all of it.
    private static let share = (numerator: 85, denominator: 100)

    /// Resident memory of this process.
    package static func residentBytes() -> UInt64 {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .ascii) else { return 0 }
        let pages = text.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
        return pages * UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
    }

    /// The resident memory at which writes are refused: as configured, or a share of what is granted.
    package static func limitBytes(configured: Int) -> UInt64 {
        guard configured == 0 else { return UInt64(configured) }
        let machine = UInt64(max(sysconf(Int32(_SC_PHYS_PAGES)), 1)) * UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        let granted = min(machine, controlGroupBytes() ?? .max)
        return granted / UInt64(share.denominator) * UInt64(share.numerator)
    }

    /// The limit of the process's control group (version 2), if it has one.
    private static func controlGroupBytes() -> UInt64? {
        guard let groups = try? String(contentsOfFile: "/proc/self/cgroup", encoding: .ascii) else { return nil }
        var smallest: UInt64?
        for line in groups.split(separator: "\n") where line.hasPrefix("0::") {
            // A limit of any group above counts too.
            var path = String(line.dropFirst(3))
            while true {
                let file = "/sys/fs/cgroup\(path == "/" ? "" : path)/memory.max"
                if let text = try? String(contentsOfFile: file, encoding: .ascii),
                    let limit = UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines))
                {
                    smallest = min(smallest ?? .max, limit)
                }
                guard path.count > 1, let slash = path.lastIndex(of: "/") else { break }
                path = String(path[..<slash])
            }
        }
        return smallest
    }
}
