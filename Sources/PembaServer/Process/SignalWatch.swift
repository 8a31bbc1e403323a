// Pemba: the signals that a node obeys.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// Turns signals into calls: SIGTERM and SIGINT stop the node, SIGHUP makes it read its certificates again, SIGUSR1 makes
/// it write down what its flight recorder has.
package final class SignalWatch {
    private var sources: [any DispatchSourceSignal] = []
    private let queue = DispatchQueue(label: "pemba.signals")

    /// Starts to watch.
    ///
    /// A second SIGTERM or SIGINT ends the process at once.
    package init(
        onStop: @escaping @Sendable () -> Void,
        onReload: @escaping @Sendable () -> Void,
        onRecordingWanted: @escaping @Sendable () -> Void
    ) {
        // A write to a connection that the peer has closed is an error of that connection and no reason to end.
        signal(SIGPIPE, SIG_IGN)
        watch(SIGHUP) { onReload() }
        // A loop that stands still does not answer it, and must not keep the other signals from being obeyed.
        watch(SIGUSR1) { DispatchQueue.global().async(execute: onRecordingWanted) }
        let isStopping = Mutex(false)
        let stop: @Sendable () -> Void = {
            let wasStopping = isStopping.withLock { stopping in
                defer { stopping = true }
                return stopping
            }
            if wasStopping { _exit(ExitCode.interrupted.rawValue) }
            onStop()
        }
        watch(SIGTERM, stop)
        watch(SIGINT, stop)
    }

    private func watch(_ number: Int32, _ body: @escaping @Sendable () -> Void) {
        // The source sees the signal only if its default action does not end the process first.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler(handler: body)
        source.resume()
        sources.append(source)
    }
}
