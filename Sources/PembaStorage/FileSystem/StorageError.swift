// Pemba: what can go wrong between a replica and its disk.
// SPDX-License-Identifier: Apache-2.0

/// An error of the durable side of a node: where, doing what, why, and the way out.
///
/// Equality compares the code and the place, not the words.
package struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kinds of errors, as far as a caller reacts differently to them.
    package enum Code: String, Sendable {
        /// A file or folder is not there.
        case notFound
        /// A file or folder is there already.
        case alreadyExists
        /// The process may not do this.
        case permissionDenied
        /// The file system is mounted read-only.
        case readOnly
        /// The disk is full, or a quota is used up. The caller may try again when there is room.
        case noSpace
        /// The process has no file descriptors left.
        case tooManyFiles
        /// Another process uses the folder.
        case inUse
        /// A path leads through something that is not a folder, or to one where a file was expected.
        case wrongKind
        /// The device failed to read or write.
        case deviceFailed
        /// A sync failed: what was written may be lost although a later sync succeeds. The process must end.
        case syncFailed
        /// The store failed before and is not used any more.
        case unusable
        /// The folder holds no node yet.
        case notInitialised
        /// The folder holds a node already.
        case alreadyInitialised
        /// The folder holds something else.
        case foreignFolder
        /// The folder belongs to another cluster.
        case foreignCluster
        /// The folder belongs to another node of the cluster.
        case foreignNode
        /// The folder belongs to another epoch of the cluster.
        case foreignEpoch
        /// The file was written by a newer version.
        case unsupportedVersion
        /// The vote file is missing or damaged: what this node promised is not known any more.
        case voteDamaged
        /// The log is damaged where a crash cannot have torn it.
        case logDamaged
        /// A snapshot is damaged.
        case snapshotDamaged
        /// A snapshot that was transferred is not complete, or not one that this node may install.
        case snapshotRefused
        /// The simulated machine has stopped.
        case machineStopped
        /// Anything else the operating system said.
        case other
    }

    /// What kind of error it is.
    package let code: Code
    /// The file or folder.
    package let path: String
    /// The byte in the file where it was noticed, if that helps.
    package let offset: Int?
    /// What was being done, as in "cannot <operation>".
    package let operation: String
    /// Why it failed.
    package let reason: String
    /// What a person can do about it.
    package let remedy: String

    package init(
        _ code: Code,
        path: String,
        offset: Int? = nil,
        operation: String,
        reason: String,
        remedy: String
    ) {
        self.code = code
        self.path = path
        self.offset = offset
        self.operation = operation
        self.reason = reason
        self.remedy = remedy
    }

    /// One line for logs and terminals.
    package var description: String {
        let place = offset.map { " at byte \($0)" } ?? ""
        return "cannot \(operation) \(path)\(place): \(reason); \(remedy)"
    }

    package static func == (left: StorageError, right: StorageError) -> Bool {
        left.code == right.code && left.path == right.path && left.offset == right.offset
    }
}
