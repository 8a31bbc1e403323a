// Pemba: the little that storage asks of an operating system.
// SPDX-License-Identifier: Apache-2.0

/// An open file or a held lock, valid until it is closed at the file system that gave it.
package struct FileHandle: Hashable, Sendable {
    /// The number of the open file.
    package let descriptor: Int32
    /// Where it was opened, for errors.
    package let path: String

    package init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

/// Files and folders, with exactly the promises that storage relies on.
///
/// Written bytes survive a crash only after `sync` of their file; a created, renamed or removed name survives only
/// after `syncFolder` of its folder. After a failed `sync` nothing is known about the bytes, and a further `sync`
/// proves nothing. There are two implementations: `POSIXFileSystem`, and `SimulatedFileSystem`, which breaks every
/// promise that was not made. All calls block; one thread at a time uses a file system's handles.
package protocol FileSystem {
    /// Opens an existing file for reading, or for reading and writing.
    func open(_ path: String, forWriting: Bool) throws(StorageError) -> FileHandle
    /// Creates a file that must not exist, for reading and writing by this user only.
    func create(_ path: String) throws(StorageError) -> FileHandle
    /// Ends the use of a file or a lock.
    func close(_ handle: FileHandle)
    /// The file's length in bytes.
    func size(_ handle: FileHandle) throws(StorageError) -> Int
    /// Reads at `offset` until the buffer is full or the file ends; returns how many bytes were read.
    func read(
        _ handle: FileHandle,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError) -> Int
    /// Writes all of `bytes` at `offset`, growing the file if it ends before.
    func write(_ handle: FileHandle, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError)
    /// Makes the file's bytes and its length durable (fdatasync). Its failure has the code `syncFailed`.
    func sync(_ handle: FileHandle) throws(StorageError)
    /// Forgets synced bytes that the operating system keeps in memory, so that the next read shows what the disk holds.
    func discardCache(_ handle: FileHandle) throws(StorageError)
    /// Bytes that this process may still write to the disk of a folder.
    func freeBytes(_ folder: String) throws(StorageError) -> Int
    /// Creates a folder whose parent exists, for this user only.
    func createFolder(_ path: String) throws(StorageError)
    /// Removes an empty folder.
    func removeFolder(_ path: String) throws(StorageError)
    /// Makes the names in a folder durable (fsync). Its failure has the code `syncFailed`.
    func syncFolder(_ path: String) throws(StorageError)
    /// The names in a folder, in order of their bytes.
    func list(_ folder: String) throws(StorageError) -> [String]
    /// Whether there is a folder at `path`.
    func isFolder(_ path: String) throws(StorageError) -> Bool
    /// Renames a file or folder within its folder, replacing a file of the new name.
    func rename(_ path: String, to newPath: String) throws(StorageError)
    /// Removes a file.
    func remove(_ path: String) throws(StorageError)
    /// Takes the folder for this process until the handle is closed or the process ends; never waits.
    func lock(_ folder: String) throws(StorageError) -> FileHandle
}

extension FileSystem {
    /// Reads `count` bytes at `offset`, fewer where the file ends.
    package func bytes(_ handle: FileHandle, at offset: Int, count: Int) throws(StorageError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withMutableRawBytes { buffer throws(StorageError) in
            try self.read(handle, into: buffer, at: offset)
        }
        bytes.removeLast(count - read)
        return bytes
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ handle: FileHandle, _ bytes: [UInt8], at offset: Int) throws(StorageError) {
        try bytes.withRawBytes { buffer throws(StorageError) in
            try self.write(handle, buffer, at: offset)
        }
    }

    /// Zero-fills `count` bytes at `offset` by writing them: blocks that were only reserved cost a journal commit at
    /// every sync (measured: 1.5 times slower).
    package func writeZeros(_ handle: FileHandle, at offset: Int, count: Int) throws(StorageError) {
        let chunk = [UInt8](repeating: 0, count: min(count, 1 << 20))
        var written = 0
        while written < count {
            let length = min(chunk.count, count - written)
            try chunk.withRawBytes { buffer throws(StorageError) in
                let slice = UnsafeRawBufferPointer(rebasing: buffer[0..<length])
                try self.write(handle, slice, at: offset + written)
            }
            written += length
        }
    }

    /// Removes a folder of files.
    package func removeFolderAndFiles(_ path: String) throws(StorageError) {
        for name in try list(path) { try remove(path + "/" + name) }
        try removeFolder(path)
    }
}
