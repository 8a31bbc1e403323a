// Pemba: what is in a data folder.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// What a data folder holds.
package enum FolderState: Hashable, Sendable {
    /// Nothing, or less: it is not there. `ReplicaStore.initialise` may make a node of it.
    case empty
    /// A node.
    case initialised
}

/// Names in a data folder, and what its content means.
enum DataFolder {
    static let superName = "super"
    static let superDraftName = "super.new"
    static let logName = "log"
    static let snapshotsName = "snapshots"
    /// There while `initialise` is at work: everything else in the folder may be thrown away.
    static let markerName = "initialising"
    /// Room that is given up when the disk is full.
    static let ballastName = "ballast"
    /// What file systems put into the root of a disk.
    private static let ignoredNames = ["lost+found"]
    private static let ownNames = [superName, superDraftName, logName, snapshotsName, markerName, ballastName]

    /// Looks at the names in a folder.
    ///
    /// Throws if it holds something else, or a node whose vote file is gone.
    static func state<Files: FileSystem>(_ folder: String, files: Files) throws(StorageError) -> FolderState {
        let names: [String]
        do throws(StorageError) {
            names = try files.list(folder)
        } catch {
            if error.code == .notFound { return .empty }
            throw error
        }
        let present = names.filter { name in !ignoredNames.contains { $0.utf8.elementsEqual(name.utf8) } }
        func has(_ name: String) -> Bool { present.contains { $0.utf8.elementsEqual(name.utf8) } }
        if has(superName) { return .initialised }
        if present.isEmpty || has(markerName) { return .empty }
        if has(logName) || has(snapshotsName) || has(superDraftName) {
            throw StorageError(
                .voteDamaged,
                path: folder + "/" + superName,
                operation: "open the vote file",
                reason: "it is missing, and the folder holds the rest of a node",
                remedy: "it is not known any more for whom this node voted, so it must not come back: "
                    + "replace it by a new node with an empty data folder"
            )
        }
        throw StorageError(
            .foreignFolder,
            path: folder,
            operation: "use the data folder",
            reason: "it is not empty and holds no node (it has, for example, \(present[0]))",
            remedy: "choose an empty folder"
        )
    }

    /// Removes what an interrupted `initialise` left, except the marker.
    static func clear<Files: FileSystem>(_ folder: String, files: Files) throws(StorageError) {
        for name in try files.list(folder) {
            let path = folder + "/" + name
            guard ownNames.contains(where: { $0.utf8.elementsEqual(name.utf8) }),
                !name.utf8.elementsEqual(markerName.utf8)
            else { continue }
            if try files.isFolder(path) {
                try files.removeFolderAndFiles(path)
            } else {
                try files.remove(path)
            }
        }
    }

    /// Refuses the folder of somebody else.
    static func check(_ found: StoreIdentity, expected: StoreIdentity, folder: String) throws(StorageError) {
        func refusal(_ code: StorageError.Code, _ found: String, _ expected: String) -> StorageError {
            StorageError(
                code,
                path: folder,
                operation: "use the data folder",
                reason: "it belongs to \(found), and this is \(expected)",
                remedy: "check the data folder in the node's configuration"
            )
        }
        guard found.cluster == expected.cluster else {
            throw refusal(.foreignCluster, "cluster \(found.cluster)", "cluster \(expected.cluster)")
        }
        guard found.node == expected.node else {
            throw refusal(.foreignNode, "node \(found.node)", "node \(expected.node)")
        }
        guard found.epoch == expected.epoch else {
            throw refusal(.foreignEpoch, "epoch \(found.epoch) of the cluster", "epoch \(expected.epoch)")
        }
    }
}
