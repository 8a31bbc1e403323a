// Pemba: what a process uses.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Memory and processor time of a process of this machine, from `/proc` (proc(5)).
package struct ProcessUsage {
    /// Bytes of memory that are resident.
    package let residentBytes: Int
    /// Processor time in user and system mode, in seconds; as fine as the kernel's clock tick.
    package let processorSeconds: Double

    /// What this process uses.
    package static func own() -> ProcessUsage { of("self") ?? ProcessUsage(residentBytes: 0, processorSeconds: 0) }

    /// What the process with this number uses; nil if there is none.
    package static func of(process: Int32) -> ProcessUsage? { of(String(process)) }

    private static func of(_ name: String) -> ProcessUsage? {
        guard let memory = FileManager.default.contents(atPath: "/proc/\(name)/statm"),
            let state = FileManager.default.contents(atPath: "/proc/\(name)/stat")
        else { return nil }
        let pages = String(decoding: memory, as: UTF8.self).split(separator: " ")
        // The program's name is in parentheses and may contain anything; the fields that count come after it.
        let fields = String(decoding: state, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
        guard pages.count > 1, let resident = Int(pages[1]), fields.count > 12, let user = Double(fields[11]),
            let system = Double(fields[12])
        else { return nil }
        return ProcessUsage(
            residentBytes: resident * Int(sysconf(Int32(_SC_PAGESIZE))),
            processorSeconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        )
    }
}
