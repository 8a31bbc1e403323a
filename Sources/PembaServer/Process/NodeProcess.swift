// Pemba: the life of a node's process.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import PembaStorage

/// Runs a node as the one thing that a process does.
package enum NodeProcess {
    /// Checks what can be checked without starting: certificates, keys and credentials.
    package static func check(_ configuration: NodeConfiguration) throws(StartupError) {
        _ = try NodeAccess(configuration)
    }

    /// Starts the node and returns when it was told to stop and has stopped.
    package static func run(_ configuration: NodeConfiguration, setup: FolderSetup) throws(StartupError) {
        TrapReport.install()
        let logs = NodeLogs(configuration.log, sink: LogSink(descriptor: STDERR_FILENO))
        let node = try RunningNode.start(configuration, setup: setup, logs: logs) { POSIXFileSystem(monitor: $0) }
        let watch = SignalWatch(
            onStop: { node.shutDown() },
            onReload: { node.reload() },
            onRecordingWanted: { node.writeRecording() }
        )
        node.waitUntilStopped()
        withExtendedLifetime(watch) {}
    }
}
