// Pemba: a disk that does what a test says.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaStorage
import Synchronization

/// What a test makes a disk do.
final class DiskFaults: Sendable {
    private struct State {
        var isHung = false
        var freeBytes: Int?
    }

    private let state = Mutex(State())

    /// Whether calls that write or sync come to no end.
    var isHung: Bool {
        get { state.withLock { $0.isHung } }
        set { state.withLock { $0.isHung = newValue } }
    }

    /// How many bytes the disk claims to have free; nil: as many as it has.
    var freeBytes: Int? {
        get { state.withLock { $0.freeBytes } }
        set { state.withLock { $0.freeBytes = newValue } }
    }

    /// Returns when the disk does not hang.
    fileprivate func pass() { while isHung { usleep(1_000) } }
}

/// The files of the operating system on a disk that may be sick.
struct FaultyFileSystem: FileSystem, Sendable {
    private let faults: DiskFaults
    private let monitor: DiskMonitor
    private let files: POSIXFileSystem

    init(faults: DiskFaults, monitor: DiskMonitor) {
        self.faults = faults
        self.monitor = monitor
        files = POSIXFileSystem(monitor: monitor)
    }

    /// Hangs like a call to the disk would, in sight of the monitor.
    private func pass() { monitor.watch { faults.pass() } }

    func open(_ path: String, forWriting: Bool) throws(StorageError) -> PembaStorage.FileHandle {
        try files.open(path, forWriting: forWriting)
    }
    func create(_ path: String) throws(StorageError) -> PembaStorage.FileHandle { try files.create(path) }
    func close(_ handle: PembaStorage.FileHandle) { files.close(handle) }
    func size(_ handle: PembaStorage.FileHandle) throws(StorageError) -> Int { try files.size(handle) }
    func read(
        _ handle: PembaStorage.FileHandle,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError) -> Int { try files.read(handle, into: buffer, at: offset) }
    func write(
        _ handle: PembaStorage.FileHandle,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int
    ) throws(StorageError) {
        pass()
        try files.write(handle, bytes, at: offset)
    }
    func sync(_ handle: PembaStorage.FileHandle) throws(StorageError) {
        pass()
        try files.sync(handle)
    }
    func discardCache(_ handle: PembaStorage.FileHandle) throws(StorageError) { try files.discardCache(handle) }
    func freeBytes(_ folder: String) throws(StorageError) -> Int {
        if let pretended = faults.freeBytes { return pretended }
        return try files.freeBytes(folder)
    }
    func createFolder(_ path: String) throws(StorageError) { try files.createFolder(path) }
    func removeFolder(_ path: String) throws(StorageError) { try files.removeFolder(path) }
    func syncFolder(_ path: String) throws(StorageError) {
        pass()
        try files.syncFolder(path)
    }
    func list(_ folder: String) throws(StorageError) -> [String] { try files.list(folder) }
    func isFolder(_ path: String) throws(StorageError) -> Bool { try files.isFolder(path) }
    func rename(_ path: String, to newPath: String) throws(StorageError) { try files.rename(path, to: newPath) }
    func remove(_ path: String) throws(StorageError) { try files.remove(path) }
    func lock(_ folder: String) throws(StorageError) -> PembaStorage.FileHandle { try files.lock(folder) }
}
