// Pemba: why a node did not start or stopped.
// SPDX-License-Identifier: Apache-2.0

/// The exit codes of `pembad`, after sysexits(3); `docs/operations/running.md` lists them.
package enum ExitCode: Int32, Sendable {
    /// Stopped as asked.
    case success = 0
    /// A port cannot be listened on.
    case portUnavailable = 69
    /// The node stopped itself: an invariant failed or the disk refused a sync.
    case failed = 70
    /// The data folder cannot be created or used: not writable, not empty, another node's, in use.
    case folderUnusable = 73
    /// The data folder's content cannot be read: damaged files, failing disk.
    case storageFailed = 74
    /// A file is readable by others that must not be, or not by the node.
    case noPermission = 77
    /// The configuration, the certificates or the credentials are wrong.
    case configuration = 78
    /// A second signal came while the node was stopping.
    case interrupted = 130
}

/// One clear line on standard error and an exit code: why a node did not start.
package struct StartupError: Error, Sendable, CustomStringConvertible {
    /// What `pembad` exits with.
    package var exitCode: ExitCode
    /// What is wrong with what, and the way out.
    package var message: String

    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = message
    }

    /// The line.
    package var description: String { message }
}
