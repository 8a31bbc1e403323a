// Pemba: tests of storage on the real file system.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaRaft
import PembaStorage
import Testing

/// A folder that is removed at the end.
private final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-storage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct POSIXTests {
    private let files = POSIXFileSystem()

    private func initialise(_ folder: String) throws(StorageError) {
        try ReplicaStore.initialise(
            folder,
            files: files,
            identity: Fixture.identity,
            hardState: HardState(term: Term(1)),
            firstEntries: [Fixture.first],
            options: Fixture.options
        )
    }

    private func open(_ folder: String) throws(StorageError) -> ReplicaStore<POSIXFileSystem> {
        try ReplicaStore(opening: folder, files: files, expecting: Fixture.identity, options: Fixture.options)
    }

    @Test func aNodeLivesThroughRestarts() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/data"
        #expect(try ReplicaStore.folderState(folder, files: files) == .empty)
        try initialise(folder)
        let vote = HardState(term: Term(3), vote: NodeID(1))
        let store = try open(folder)
        for index in UInt64(2)...50 {
            try store.append([Fixture.request([Fixture.entry(index, term: 1, bytes: 2_000)])])
            _ = try store.prepare()
        }
        try store.append([Fixture.request([], hardState: vote)])
        try store.beginSnapshot(Fixture.point(30))
        try store.writeSnapshotBlock(Fixture.block(30, 1))
        let manifest = try store.finishSnapshot()
        try store.compact(upTo: LogIndex(30))
        store.close()

        let again = try open(folder)
        #expect(again.recovered.hardState == vote)
        #expect(again.recovered.snapshot == manifest)
        #expect(again.recovered.entries == Fixture.entries(31...50, bytes: 2_000))
        #expect(try again.snapshotPayload(1) == Fixture.block(30, 1))
        let blocks = try Fixture.foreignSnapshot(80, term: 3)
        for (number, block) in blocks.enumerated() {
            #expect(try again.storeReceivedBlock(LogIndex(80), number: UInt32(number), bytes: block))
        }
        _ = try again.installReceived(LogIndex(80))
        try again.append([Fixture.request([Fixture.entry(81, term: 3)])])
        again.close()
        let last = try open(folder)
        #expect(last.recovered.snapshot?.point.lastIndex == LogIndex(80))
        #expect(last.recovered.entries == [Fixture.entry(81, term: 3)])
        last.close()
    }

    @Test func aFolderInUseIsRefused() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/data"
        try initialise(folder)
        let store = try open(folder)
        #expect(code { () throws(StorageError) in try open(folder) } == .inUse)
        #expect(code { () throws(StorageError) in try initialise(folder) } == .inUse)
        store.close()
        try open(folder).close()
    }

    @Test(.enabled(if: getuid() != 0, "root may write everywhere")) func aFolderThatIsNotWritableIsRefused() throws {
        let temporary = try TemporaryFolder()
        chmod(temporary.path, 0o500)
        defer { chmod(temporary.path, 0o700) }
        #expect(code { () throws(StorageError) in try initialise(temporary.path + "/data") } == .permissionDenied)
        #expect(code { () throws(StorageError) in try initialise(temporary.path) } == .permissionDenied)
    }

    @Test func errorsNamePathOperationReasonAndWayOut() throws {
        let temporary = try TemporaryFolder()
        let missing = temporary.path + "/missing/data"
        do throws(StorageError) {
            try initialise(missing)
            Issue.record("a folder was made in one that is not there")
        } catch {
            #expect(error.code == .notFound)
            #expect(error.description.contains(missing))
            #expect(error.description.contains("No such file or directory"))
            #expect(error.description.contains("check the path"))
        }
        let file = temporary.path + "/file"
        files.close(try files.create(file))
        #expect(code { () throws(StorageError) in try files.create(file) } == .alreadyExists)
        #expect(code { () throws(StorageError) in try files.list(file) } == .wrongKind)
        #expect(code { () throws(StorageError) in try initialise(file) } == .alreadyExists)
        #expect(code { () throws(StorageError) in try files.open("/dev/full", forWriting: true) } == nil)
        let full = try files.open("/dev/full", forWriting: true)
        #expect(code { () throws(StorageError) in try files.write(full, [1], at: 0) } == .noSpace)
        files.close(full)
    }

    @Test func filesAreForTheirUserOnly() throws {
        let temporary = try TemporaryFolder()
        let folder = temporary.path + "/data"
        try initialise(folder)
        for path in [folder, folder + "/super", folder + "/log", folder + "/log/segment-0000000000000001"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
            #expect(mode & 0o077 == 0, "\(path)")
        }
    }

    @Test func handlesAreNotInherited() throws {
        let temporary = try TemporaryFolder()
        let handle = try files.create(temporary.path + "/file")
        let lock = try files.lock(temporary.path)
        for descriptor in [handle.descriptor, lock.descriptor] {
            #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        }
        files.close(handle)
        files.close(lock)
    }
}
