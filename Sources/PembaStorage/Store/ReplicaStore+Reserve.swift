// Pemba: room on the disk that is kept for bad times.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A full disk must not keep the node from what makes room again: compaction and the end of what is under way. Two things
/// are set aside for that while there is room: the next segment, filled ahead of need (`prepare`), and the ballast, a file
/// that is deleted when a write finds no room (rule W7).
extension ReplicaStore {
    /// Bytes that are free for this node on the disk of its folder.
    package func freeBytes() throws(StorageError) -> Int { try files.freeBytes(folder) }

    /// Fills the ballast by one step; returns whether there is more to do.
    func fillBallast() throws(StorageError) -> Bool {
        let target = options.ballastBytes
        let path = folder + "/" + DataFolder.ballastName
        let isThere = try files.list(folder).contains { $0.utf8.elementsEqual(DataFolder.ballastName.utf8) }
        let handle = isThere ? try files.open(path, forWriting: true) : try files.create(path)
        defer { files.close(handle) }
        let size = try files.size(handle)
        guard size < target else {
            hasBallast = true
            return false
        }
        let step = min(options.fillStepBytes, target - size)
        try files.writeZeros(handle, at: size, count: step)
        hasBallast = size + step >= target
        return !hasBallast
    }

    /// Deletes the ballast; false if there was none.
    package func releaseBallast() throws(StorageError) -> Bool {
        hasBallast = false
        let names = try files.list(folder)
        guard names.contains(where: { $0.utf8.elementsEqual(DataFolder.ballastName.utf8) }) else { return false }
        try files.remove(folder + "/" + DataFolder.ballastName)
        try files.syncFolder(folder)
        return true
    }
}
