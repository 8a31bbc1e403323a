// Pemba: the programs under test.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTooling

/// The programs that were built with the tests.
enum Programs {
    /// The folder of the running test program, where the package's executables are too.
    private static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().path

    static let pembad = folder + "/pembad"
    static let clusterctl = folder + "/clusterctl"

    /// What a program printed and how it ended.
    struct Outcome {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Runs a program to its end; kills it after `patience`.
    ///
    /// Once `interrupts` says so of what was printed, the program gets SIGINT.
    static func run(
        _ program: String,
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:],
        patience: Duration = .seconds(60),
        interrupts: ((_ output: String, _ errors: String) -> Bool)? = nil
    ) async throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let folder = try TemporaryFolder()
        defer { folder.remove() }
        // Files instead of pipes: nothing blocks, however much is printed.
        let files = ["in", "out", "err"].map { folder.path + "/" + $0 }
        for (path, text) in zip(files, [input, "", ""]) { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        func text(_ path: String) -> String {
            String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
        }
        process.standardInput = FileHandle(forReadingAtPath: files[0])
        process.standardOutput = FileHandle(forWritingAtPath: files[1])
        process.standardError = FileHandle(forWritingAtPath: files[2])
        try process.run()
        let deadline = ContinuousClock.now + patience
        var isInterrupted = false
        while process.isRunning, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
            guard let interrupts, !isInterrupted, interrupts(text(files[1]), text(files[2])) else { continue }
            isInterrupted = true
            kill(process.processIdentifier, SIGINT)
        }
        if process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            throw ToolError("\(program) \(arguments) did not end within \(patience)")
        }
        return Outcome(status: process.terminationStatus, output: text(files[1]), errors: text(files[2]))
    }
}

/// A folder of a test's own below the system's temporary folder.
struct TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "pemba-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
