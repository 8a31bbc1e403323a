// Pemba: other people's programs.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTooling

/// A server of somebody else's, started for a comparison.
final class PeerProcess {
    private let process = Process()
    private let log: String

    /// Starts `program`; what it prints goes to the file `log`.
    init(_ program: String, _ arguments: [String], log: String) throws {
        self.log = log
        guard FileManager.default.createFile(atPath: log, contents: nil), let output = FileHandle(forWritingAtPath: log)
        else { throw ToolError("\(log) could not be made") }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    /// The number of the process.
    var processID: Int32 { process.processIdentifier }

    /// Waits until somebody listens on every port, or throws what the server has printed.
    func waitUntilListening(_ ports: [Int]) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while !ports.allSatisfy({ ListeningProcess.find(port: $0) != nil }) {
            guard process.isRunning, ContinuousClock.now < deadline else {
                let text = (try? TextFile.read(log)) ?? ""
                throw ToolError("\(process.executableURL?.path ?? "") does not come up:\n\(text.suffix(2_000))")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Stops it and waits until it is gone.
    func stop() {
        kill(process.processIdentifier, SIGTERM)
        let deadline = ContinuousClock.now + .seconds(10)
        while process.isRunning, ContinuousClock.now < deadline { usleep(10_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}

/// Programs that run and end.
enum PeerProgram {
    /// The path of the program called `name`; nil if it is not installed.
    static func find(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs `program` and returns what it prints on both outputs, whatever its exit status; cancelling kills it.
    static func run(_ program: String, _ arguments: [String]) async throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let number = process.processIdentifier
        let reader = pipe.fileHandleForReading
        let data = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: reader.readDataToEndOfFile()) }
            }
        } onCancel: {
            kill(number, SIGKILL)
        }
        process.waitUntilExit()
        try Task.checkCancellation()
        return String(decoding: data, as: UTF8.self)
    }
}
