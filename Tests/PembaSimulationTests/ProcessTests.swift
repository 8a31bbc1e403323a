// Pemba: a seed is the same run in every process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaSimulation

/// Dictionaries and sets have another order in every process: a run that depended on it would differ.
@Suite struct ProcessTests {
    @Test func aSeedIsTheSameRunInAnotherProcess() throws {
        for seed in Seeds(short: 4, full: 40) {
            let here = Simulation.run(SimulationOptions(seed: seed, duration: .seconds(5))).summary
            let there = try output(of: ["--seed", String(seed), "--duration", "5"])
            #expect(there.hasPrefix(here + "\n"), "seed \(seed) is another run here than there:\n\(here)\n\(there)")
        }
    }

    private func output(of arguments: [String]) throws -> String {
        let process = Process()
        // The package's programs stand beside the running test program.
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("sim")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try #require(try pipe.fileHandleForReading.readToEnd())
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
