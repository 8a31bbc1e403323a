// Pemba: what Ctrl-C does to a command that takes its time.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import PembaClient
import Synchronization

/// A sentence for the person who pressed Ctrl-C: what was done until then, and how to go on.
package struct Interruption: Error, Equatable, CustomStringConvertible {
    /// The sentence, without the tool's name and without a full stop.
    package let description: String

    package init(_ sentence: String) { description = "interrupted: \(sentence)" }

    /// What shells show for a program that SIGINT ended.
    package static let exitStatus: Int32 = 130

    /// Whether an error is how work ends whose task was cancelled.
    package static func isCause(of error: any Error) -> Bool {
        error is CancellationError || (error as? ClientError)?.reason == .cancelled
    }

    /// Runs `body` in a task that the first SIGINT cancels; the second ends the process at once.
    package static func handled<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = Task { try await body() }
        let wasInterrupted = Mutex(false)
        // The source sees the signal only if its default action does not end the process first.
        signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT)
        source.setEventHandler {
            let isSecond = wasInterrupted.withLock { interrupted in
                defer { interrupted = true }
                return interrupted
            }
            if isSecond { _exit(exitStatus) }
            task.cancel()
        }
        source.resume()
        defer {
            source.cancel()
            signal(SIGINT, SIG_DFL)
        }
        return try await task.value
    }
}
