// Pemba: the file system of the operating system.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Files by system calls.
///
/// Stateless but for what watches it: may be used from any thread, each handle from one at a time.
package struct POSIXFileSystem: FileSystem, Sendable {
    /// How often a lock is asked for, and how long to wait in between: half a second in all.
    private static let lockAttempts = 50
    private static let lockPauseMicroseconds: UInt32 = 10_000

    /// Watches the calls that may hang.
    private let monitor: DiskMonitor?

    /// Files whose calls are watched by `monitor`, if there is one.
    package init(monitor: DiskMonitor? = nil) { self.monitor = monitor }

    package func open(_ path: String, forWriting: Bool) throws(StorageError) -> FileHandle {
        let flags = (forWriting ? O_RDWR : O_RDONLY) | O_CLOEXEC
        let descriptor = repeatingInterrupted { Glibc.open(path, flags) }
        guard descriptor >= 0 else { throw failure("open", path) }
        return FileHandle(descriptor: descriptor, path: path)
    }

    package func create(_ path: String) throws(StorageError) -> FileHandle {
        let descriptor = repeatingInterrupted { Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) }
        guard descriptor >= 0 else { throw failure("create", path) }
        return FileHandle(descriptor: descriptor, path: path)
    }

    package func close(_ handle: FileHandle) {
        // What matters was synced before; Linux frees the descriptor whatever close returns.
        _ = Glibc.close(handle.descriptor)
    }

    package func size(_ handle: FileHandle) throws(StorageError) -> Int {
        var status = stat()
        guard fstat(handle.descriptor, &status) == 0 else { throw failure("look at", handle.path) }
        return Int(status.st_size)
    }

    package func read(
        _ handle: FileHandle,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = repeatingInterrupted {
                pread(handle.descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            }
            guard count >= 0 else { throw failure("read", handle.path, offset: offset + done) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    package func write(_ handle: FileHandle, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = watched {
                repeatingInterrupted {
                    pwrite(handle.descriptor, rest.baseAddress, rest.count, off_t(offset + done))
                }
            }
            guard count > 0 else { throw failure("write", handle.path, offset: offset + done) }
            done += count
        }
    }

    package func sync(_ handle: FileHandle) throws(StorageError) {
        // Not repeated when it fails: the kernel marks the pages clean, and a second call would lie.
        guard watched({ fdatasync(handle.descriptor) }) == 0 else { throw syncFailure(handle.path) }
    }

    package func discardCache(_ handle: FileHandle) throws(StorageError) {
        let code = posix_fadvise(handle.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        guard code == 0 else { throw POSIXFileSystem.error(code, "drop the cached pages of", handle.path, nil) }
    }

    package func createFolder(_ path: String) throws(StorageError) {
        guard mkdir(path, 0o700) == 0 else { throw failure("create the folder", path) }
    }

    package func removeFolder(_ path: String) throws(StorageError) {
        guard rmdir(path) == 0 else { throw failure("remove the folder", path) }
    }

    package func syncFolder(_ path: String) throws(StorageError) {
        let handle = try openFolder(path)
        defer { close(handle) }
        guard watched({ fsync(handle.descriptor) }) == 0 else { throw syncFailure(path) }
    }

    package func freeBytes(_ folder: String) throws(StorageError) -> Int {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { throw failure("look at", folder) }
        return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }

    package func list(_ folder: String) throws(StorageError) -> [String] {
        guard let stream = opendir(folder) else { throw failure("list the folder", folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw failure("list the folder", folder) }
                break
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func isFolder(_ path: String) throws(StorageError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw failure("look at", path)
        }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        guard Glibc.rename(path, newPath) == 0 else { throw failure("rename", path) }
    }

    package func remove(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 else { throw failure("remove", path) }
    }

    package func lock(_ folder: String) throws(StorageError) -> FileHandle {
        let handle = try openFolder(folder)
        // Whoever is just ending, or a child of it between fork and exec, holds the lock for a moment longer.
        var attempts = POSIXFileSystem.lockAttempts
        while repeatingInterrupted({ flock(handle.descriptor, LOCK_EX | LOCK_NB) }) != 0 {
            let (isHeld, error) = (errno == EWOULDBLOCK, failure("lock the folder", folder))
            attempts -= 1
            guard isHeld, attempts > 0 else {
                close(handle)
                throw error
            }
            usleep(POSIXFileSystem.lockPauseMicroseconds)
        }
        return handle
    }

    private func openFolder(_ path: String) throws(StorageError) -> FileHandle {
        let descriptor = repeatingInterrupted { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure("open the folder", path) }
        return FileHandle(descriptor: descriptor, path: path)
    }

    private func watched<Result>(_ call: () -> Result) -> Result { monitor?.watch(call) ?? call() }

    private func repeatingInterrupted<Result: FixedWidthInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result != -1 || errno != EINTR { return result }
        }
    }
}

// Errors of system calls.
extension POSIXFileSystem {
    private func failure(_ operation: String, _ path: String, offset: Int? = nil) -> StorageError {
        POSIXFileSystem.error(errno, operation, path, offset)
    }

    private func syncFailure(_ path: String) -> StorageError {
        StorageError(
            .syncFailed,
            path: path,
            operation: "sync",
            reason: POSIXFileSystem.text(errno),
            remedy: "the node stops, because written data may be lost; check the disk, then start it again"
        )
    }

    private static func text(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }

    /// Maps an error number of `operation` on `path` to what it means and what helps.
    package static func error(_ number: Int32, _ operation: String, _ path: String, _ offset: Int?) -> StorageError {
        let code: StorageError.Code
        let remedy: String
        switch number {
        case ENOENT: (code, remedy) = (.notFound, "check the path")
        case EEXIST, ENOTEMPTY: (code, remedy) = (.alreadyExists, "move what is there out of the way")
        case EACCES, EPERM:
            (code, remedy) = (.permissionDenied, "give the user that runs the node the right to read and write there")
        case EROFS: (code, remedy) = (.readOnly, "mount the file system for writing or choose another data folder")
        case ENOSPC, EDQUOT: (code, remedy) = (.noSpace, "free space on the disk or raise the quota")
        case EMFILE, ENFILE: (code, remedy) = (.tooManyFiles, "raise the limit of open files")
        case EWOULDBLOCK:
            (code, remedy) = (.inUse, "another process uses it: stop that one or choose another data folder")
        case ENOTDIR, EISDIR: (code, remedy) = (.wrongKind, "check which of the names is a file and which a folder")
        case EIO, ENXIO, ENODEV: (code, remedy) = (.deviceFailed, "check the disk; replace the node if it is broken")
        default: (code, remedy) = (.other, "check the path and the disk")
        }
        return StorageError(
            code,
            path: path,
            offset: offset,
            operation: operation,
            reason: text(number),
            remedy: remedy
        )
    }
}
