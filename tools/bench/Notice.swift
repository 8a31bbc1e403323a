// Pemba: what a benchmark says while it runs.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTooling

/// Lines on standard error.
enum Notice {
    /// Prints a line.
    static func print(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

/// Ends a benchmark cleanly when it is interrupted, so that nothing that it started goes on.
enum Interruption {
    /// Runs `body`, which SIGINT and SIGTERM cancel.
    static func cancelling(_ body: sending @escaping () async throws -> Void) async throws {
        let work = Task { try await body() }
        let sources = [SIGINT, SIGTERM].map { number in
            // The default would end the process before anything is stopped.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        do {
            try await work.value
        } catch is CancellationError {
            throw ToolError("interrupted")
        }
    }
}

extension Figures {
    /// Adds how many processes wanted to run, on average over the last minute: what else the machine was doing.
    mutating func addLoadAverage(_ name: String) {
        var averages = [0.0]
        guard getloadavg(&averages, 1) == 1 else { return }
        add(name, averages[0], "processes")
    }
}
