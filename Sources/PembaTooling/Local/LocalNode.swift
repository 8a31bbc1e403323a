// Pemba: a node as a process of this machine.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One `pembad` process: started, killed, paused and waited for.
///
/// What it prints goes to `log` in its folder.
///
/// Used from one task at a time.
package final class LocalNode {
    /// Its number, from 1.
    package let id: UInt64
    /// Its folder: configuration, certificates, data and log.
    package let folder: String
    private let program: String
    private var process: Process?

    /// A node that is not running yet.
    ///
    /// `program` is the path of `pembad`.
    package init(id: UInt64, folder: String, program: String) {
        self.id = id
        self.folder = folder
        self.program = program
    }

    /// Whether the process is there, paused or not.
    package var isRunning: Bool { process?.isRunning ?? false }

    /// The process's number, while it runs.
    package var processID: Int32? { process.flatMap { $0.isRunning ? $0.processIdentifier : nil } }

    /// Starts the process.
    ///
    /// Requires that it is not running.
    package func start(arguments: [String] = []) throws {
        precondition(!isRunning, "node \(id) is running already")
        let log = folder + "/log"
        let isThere = FileManager.default.fileExists(atPath: log)
        guard isThere || FileManager.default.createFile(atPath: log, contents: nil),
            let output = FileHandle(forWritingAtPath: log)
        else { throw ToolError("\(log) could not be opened") }
        try output.seekToEnd()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = ["--config", folder + "/node.yaml"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        do {
            try process.run()
        } catch {
            throw ToolError("\(program) could not be started: \(error.localizedDescription)")
        }
        self.process = process
    }

    /// Sends a signal; does nothing if the process is gone.
    package func signal(_ number: Int32) {
        guard let process, process.isRunning else { return }
        kill(process.processIdentifier, number)
    }

    /// Kills the process without a chance to clean up, and waits until it is gone.
    package func killNow() {
        signal(SIGKILL)
        process?.waitUntilExit()
        process = nil
    }

    /// Asks the process to stop and waits until it is gone; its exit status, or nil if it had to be killed.
    @discardableResult
    package func stop(patience: Duration = .seconds(20)) -> Int32? {
        guard let process else { return nil }
        signal(SIGCONT)
        signal(SIGTERM)
        let deadline = ContinuousClock.now + patience
        while process.isRunning, ContinuousClock.now < deadline { usleep(10_000) }
        guard !process.isRunning else {
            killNow()
            return nil
        }
        self.process = nil
        return process.terminationReason == .exit ? process.terminationStatus : nil
    }

    /// What the process has printed so far.
    package var log: String { (try? TextFile.read(folder + "/log")) ?? "" }
}
