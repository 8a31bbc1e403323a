// Pemba: the README's first command.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import PembaTooling
import Testing

/// The quickstart with the programs of this build, in a folder and on ports of its own.
@Suite(.serialized) struct QuickstartTests {
    private let script = Conformance.repository.path + "/cluster/quickstart"

    private func run(_ arguments: [String]) async throws -> Programs.Outcome {
        try await Programs.run("/bin/bash", [script] + arguments, patience: .seconds(180))
    }

    /// A port with room for the nine that follow from it.
    private func port() throws -> String {
        let count = 203
        for _ in 0..<50 {
            let ports = try FreePorts.find(count)
            if ports[count - 1] - ports[0] == count - 1 { return "\(ports[0])" }
        }
        throw ToolError("no \(count) ports in a row were free")
    }

    @Test func itTellsItsStoryTwiceAndLeavesNothingRunning() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let binaries = URL(fileURLWithPath: Programs.pembad).deletingLastPathComponent().path
        let port = try port()
        let options = ["--binaries", binaries, "--directory", folder.path + "/cluster", "--port", port]
        for _ in 0..<2 {
            let outcome = try await run(options)
            #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
            for part in [
                "SIGKILL for the leader", "the next write was acknowledged", "would be allowed if",
                "A grant that ends by itself",
                "--at ", "a killed leader cost no acknowledged write",
            ] { #expect(outcome.output.contains(part), "`\(part)` is missing in:\n\(outcome.output)") }
            for node in 1...3 { #expect(!TextFile.exists("\(folder.path)/cluster/node-\(node)/pid")) }
        }
    }

    @Test func whatIsKeptIsStopped() async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let binaries = URL(fileURLWithPath: Programs.pembad).deletingLastPathComponent().path
        let place = folder.path + "/cluster"
        let options = ["--binaries", binaries, "--directory", place, "--port", try port()]
        let kept = try await run(options + ["--keep"])
        #expect(kept.status == 0, "\(kept.errors)")
        #expect(kept.output.contains("cluster/quickstart --down --directory \(place)"))
        let status = ["status", "--cluster", place + "/cluster.yaml"]
        #expect(try await Programs.run(Programs.clusterctl, status).status == 0)
        #expect(try await run(["--down", "--directory", place]).status == 0)
        #expect(try await Programs.run(Programs.clusterctl, status + ["--node-timeout", "1"]).status == 1)
    }

    @Test(arguments: [
        (["--colour"], "--colour"), (["--port", "x"], "--port"), (["--binaries", "/nowhere"], "/nowhere"),
    ])
    func wrongOptionsAreNamed(arguments: [String], reason: String) async throws {
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        let place = ["--directory", folder.path + "/cluster"]
        let outcome = try await run(place + arguments)
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
    }
}
