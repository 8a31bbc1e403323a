// Pemba: a file system in memory that breaks every promise a real one does not make.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A disk in memory, deterministic by its seed, that can crash, fill up, rot and fail to sync.
///
/// At a crash every unsynced page ends on its own as written, as before, as a mix of both by 512-byte sectors, or as
/// zeros; every unsynced file length as anything between old and new; every unsynced name as it was or as it is.
/// It takes no time: latency is the business of the simulator. Confined to one thread.
package final class SimulatedFileSystem: FileSystem {
    private enum Node {
        case file(SimulatedFile)
        case folder(SimulatedFolder)
    }

    private static let root = 0

    private var nodes: [Int: Node] = [root: .folder(SimulatedFolder())]
    private var nextNode = 1
    private var nextDescriptor: Int32 = 1
    /// The number of what every open handle names, and the file if it is one.
    private var opened: [Int32: (number: Int, file: SimulatedFile?)] = [:]
    /// The numbers of the folders that were looked up by these paths: only what was found, and forgotten when a name goes,
    /// by a rename, a removal or a crash.
    private var folders: [String: Int] = [:]
    /// The folders that are locked, by node.
    private var locks: [Int: Int32] = [:]
    private var random: SeededRandom

    /// Bytes that fit on the disk.
    package var capacityBytes = Int.max
    /// Whether overwriting needs room too, as on file systems that copy on write.
    package var copiesOnWrite = false
    /// Syncs that still succeed before one fails; nil: none fails.
    package var syncsUntilFailure: Int?
    /// Changing calls that are still done before the machine stops; nil: it runs on.
    ///
    /// Reading calls do not count.
    package var changesUntilStop: Int?
    /// Changing calls done so far.
    package private(set) var changeCount = 0
    /// Whether the next read of a log or a snapshot gets one page from another place of the file.
    package var misdirectsNextRead = false
    /// Whether the machine stands still: every call fails until `crash` or `kill`.
    package private(set) var isStopped = false

    /// An empty disk whose folder `/` is there.
    package init(seed: UInt64) { random = SeededRandom(seed: seed) }

    /// A second disk with the same content, the same pending writes and no open handles.
    package init(copying other: SimulatedFileSystem, seed: UInt64) {
        random = SeededRandom(seed: seed)
        nextNode = other.nextNode
        capacityBytes = other.capacityBytes
        for (number, node) in other.nodes {
            switch node {
            case .file(let file): nodes[number] = .file(SimulatedFile(copying: file))
            case .folder: nodes[number] = node
            }
        }
    }
}

// Faults.
extension SimulatedFileSystem {
    /// How many pages a crash would decide about.
    package var undecidedPages: Int {
        nodes.values.reduce(0) { count, node in
            if case .file(let file) = node { return count + file.undecidedPages }
            return count
        }
    }

    /// The power fails and comes back: what was not synced is decided by the seed.
    package func crash() {
        var generator = random.split()
        var lengths = random.split()
        var names = random.split()
        crash(
            pages: {
                switch generator.below(4) {
                case 0: .applied
                case 1: .absent
                case 2: .mixed(sectors: UInt8(truncatingIfNeeded: generator.next()))
                default: .zero
                }
            },
            names: { names.chance(1, in: 2) },
            length: { range in range.lowerBound + lengths.below(range.count) }
        )
    }

    /// The power fails and comes back: what was not synced is decided by the caller, asked in a fixed order.
    package func crash(pages: () -> PageOutcome, names: () -> Bool, length: (ClosedRange<Int>) -> Int) {
        for number in nodes.keys.sorted() {
            switch nodes[number] {
            case .file(let file): file.crash(pages: pages, length: length)
            case .folder(var folder):
                folder.crash(isDone: names)
                nodes[number] = .folder(folder)
            case nil: break
            }
        }
        kill()
        removeUnnamed()
        folders = [:]
    }

    /// The process ends and the machine runs on: nothing is lost, handles and locks are gone.
    package func kill() {
        opened = [:]
        locks = [:]
        isStopped = false
        changesUntilStop = nil
        syncsUntilFailure = nil
    }

    /// Leaves room for so many more bytes.
    package func fill(leaving bytes: Int) { capacityBytes = usedBytes + bytes }

    /// Flips one bit of a file on the disk.
    package func rot(_ path: String, offset: Int, bit: Int) throws(StorageError) {
        guard case .file(let file) = nodes[try find(path, "damage")] else { throw notFound("damage", path) }
        file.flip(bit: bit, at: offset)
    }

    /// The bytes of a file as a process reads them.
    package func content(_ path: String) throws(StorageError) -> [UInt8] {
        guard case .file(let file) = nodes[try find(path, "read")] else { throw notFound("read", path) }
        return file.content
    }

    /// Flips a bit that the seed chooses in the log or in a snapshot; false if there is nothing yet.
    ///
    /// The vote file is spared: of its two copies a node cannot tell which one was the newer before it rotted.
    package func rotSomewhere(in folder: String) -> Bool {
        var files: [SimulatedFile] = []
        func collect(_ path: String) {
            guard let number = lookUp(path) else { return }
            switch nodes[number] {
            case .file(let file): if file.size > 0 { files.append(file) }
            case .folder(let folder):
                for name in folder.names.keys.sorted() { collect(path + "/" + name) }
            case nil: break
            }
        }
        collect(folder + "/log")
        collect(folder + "/snapshots")
        guard !files.isEmpty else { return false }
        let file = files[random.below(files.count)]
        file.flip(bit: random.below(8), at: random.below(file.size))
        return true
    }

    /// Puts another page in the place of one, where that makes a difference and does not look like nothing written.
    private func misdirect(_ buffer: UnsafeMutableRawBufferPointer, of bytes: [UInt8], at offset: Int, _ path: String) {
        let page = SimulatedFile.pageBytes
        guard path.contains("/log/") || path.contains("/snapshots/") else { return }
        let pages = bytes.count / page
        let (first, end) = ((offset + page - 1) / page, min(offset + buffer.count, bytes.count) / page)
        guard first < end else { return }
        let wanted = (first + random.below(end - first)) * page
        let source = random.below(pages) * page
        let found = bytes[source..<(source + page)]
        guard found.contains(where: { $0 != 0 }), !found.elementsEqual(bytes[wanted..<(wanted + page)]) else { return }
        UnsafeMutableRawBufferPointer(rebasing: buffer[(wanted - offset)..<(wanted - offset + page)]).copyBytes(
            from: found
        )
        misdirectsNextRead = false
    }

    private var usedBytes: Int {
        nodes.values.reduce(0) { sum, node in
            if case .file(let file) = node { return sum + file.size }
            return sum
        }
    }

    private func removeUnnamed() {
        var named: Set<Int> = [SimulatedFileSystem.root]
        var waiting = [SimulatedFileSystem.root]
        while let number = waiting.popLast() {
            guard case .folder(let folder) = nodes[number] else { continue }
            for child in folder.names.values where named.insert(child).inserted { waiting.append(child) }
        }
        nodes = nodes.filter { named.contains($0.key) }
    }
}

// Calls.
extension SimulatedFileSystem {
    package func open(_ path: String, forWriting: Bool) throws(StorageError) -> FileHandle {
        try requireRunning(path)
        let number = try find(path, "open")
        guard case .file(let file) = nodes[number] else { throw POSIXFileSystem.error(21, "open", path, nil) }
        return handle(to: number, file, path)
    }

    package func create(_ path: String) throws(StorageError) -> FileHandle {
        try change(path)
        let file = SimulatedFile()
        return handle(to: try addNode(.file(file), path, "create"), file, path)
    }

    package func close(_ handle: FileHandle) {
        guard let number = opened.removeValue(forKey: handle.descriptor)?.number else { return }
        if locks[number] == handle.descriptor { locks[number] = nil }
    }

    package func size(_ handle: FileHandle) throws(StorageError) -> Int { try file(handle).size }

    package func read(
        _ handle: FileHandle,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(StorageError) -> Int {
        let file = try file(handle)
        let count = max(0, min(buffer.count, file.size - offset))
        guard count > 0 else { return 0 }
        file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        if misdirectsNextRead { misdirect(buffer, of: file.content, at: offset, handle.path) }
        return count
    }

    package func write(_ handle: FileHandle, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        try change(handle.path)
        let file = try file(handle)
        let growth = copiesOnWrite ? bytes.count : max(0, offset + bytes.count - file.size)
        guard growth == 0 || capacityBytes == .max || growth <= capacityBytes - usedBytes else {
            throw POSIXFileSystem.error(28, "write", handle.path, offset)
        }
        file.write(bytes, at: offset)
    }

    package func freeBytes(_ folder: String) throws(StorageError) -> Int {
        try requireRunning(folder)
        return capacityBytes == .max ? .max : max(0, capacityBytes - usedBytes)
    }

    package func sync(_ handle: FileHandle) throws(StorageError) {
        try change(handle.path)
        let file = try file(handle)
        guard passesSync() else {
            file.failSync()
            throw syncFailure(handle.path)
        }
        file.sync()
    }

    package func discardCache(_ handle: FileHandle) throws(StorageError) { try file(handle).discardCache() }

    package func createFolder(_ path: String) throws(StorageError) {
        try change(path)
        _ = try addNode(.folder(SimulatedFolder()), path, "create the folder")
    }

    package func removeFolder(_ path: String) throws(StorageError) {
        try change(path)
        let number = try find(path, "remove the folder")
        guard case .folder(let folder) = nodes[number] else { throw notFound("remove the folder", path) }
        guard folder.names.isEmpty else { throw POSIXFileSystem.error(39, "remove the folder", path, nil) }
        folders = [:]
        try update(parent: path, "remove the folder") { $0.remove($1) }
    }

    package func syncFolder(_ path: String) throws(StorageError) {
        try change(path)
        let number = try find(path, "sync")
        guard case .folder = nodes[number] else { throw notFound("sync", path) }
        guard passesSync() else { throw syncFailure(path) }
        changeFolder(number) { $0.sync() }
    }

    package func list(_ folder: String) throws(StorageError) -> [String] {
        try requireRunning(folder)
        guard case .folder(let node) = nodes[try find(folder, "list the folder")] else {
            throw notFound("list the folder", folder)
        }
        return node.names.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func isFolder(_ path: String) throws(StorageError) -> Bool {
        try requireRunning(path)
        guard let number = lookUp(path), case .folder = nodes[number] else { return false }
        return true
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        try change(path)
        let (old, new) = (SimulatedFileSystem.split(path), SimulatedFileSystem.split(newPath))
        precondition(old.folder.utf8.elementsEqual(new.folder.utf8), "storage renames within one folder only")
        _ = try find(path, "rename")
        folders = [:]
        try update(parent: path, "rename") { folder, name in folder.rename(name, to: new.name) }
    }

    package func remove(_ path: String) throws(StorageError) {
        try change(path)
        guard case .file = nodes[try find(path, "remove")] else { throw POSIXFileSystem.error(21, "remove", path, nil) }
        try update(parent: path, "remove") { $0.remove($1) }
    }

    package func lock(_ folder: String) throws(StorageError) -> FileHandle {
        try requireRunning(folder)
        let number = try find(folder, "lock the folder")
        guard locks[number] == nil else { throw POSIXFileSystem.error(11, "lock the folder", folder, nil) }
        let handle = handle(to: number, nil, folder)
        locks[number] = handle.descriptor
        return handle
    }
}

// Names and nodes.
extension SimulatedFileSystem {
    private static func split(_ path: String) -> (folder: Substring, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (path[..<slash], String(path[path.utf8.index(after: slash)...]))
    }

    private func lookUp(_ path: String) -> Int? {
        let (path, name) = SimulatedFileSystem.split(path)
        guard let number = lookUp(folder: path), case .folder(let folder) = nodes[number] else { return nil }
        return name.isEmpty ? number : folder.names[name]
    }

    private func lookUp(folder path: Substring) -> Int? {
        guard !path.isEmpty else { return SimulatedFileSystem.root }
        let path = String(path)
        if let known = folders[path] { return known }
        guard let found = lookUp(path), case .folder = nodes[found] else { return nil }
        folders[path] = found
        return found
    }

    private func find(_ path: String, _ operation: String) throws(StorageError) -> Int {
        guard let number = lookUp(path) else { throw notFound(operation, path) }
        return number
    }

    private func update(
        parent path: String,
        _ operation: String,
        _ body: (inout SimulatedFolder, String) -> Void
    ) throws(StorageError) {
        let (parent, name) = SimulatedFileSystem.split(path)
        guard let number = lookUp(folder: parent), case .folder = nodes[number] else { throw notFound(operation, path) }
        changeFolder(number) { body(&$0, name) }
    }

    /// Changes a folder that is there.
    private func changeFolder(_ number: Int, _ body: (inout SimulatedFolder) -> Void) {
        // Taken out meanwhile, because with a second reference each change would copy all names.
        guard case .folder(var folder)? = nodes.removeValue(forKey: number) else {
            preconditionFailure("node \(number) is no folder")
        }
        body(&folder)
        nodes[number] = .folder(folder)
    }

    private func addNode(_ node: Node, _ path: String, _ operation: String) throws(StorageError) -> Int {
        guard lookUp(path) == nil else { throw POSIXFileSystem.error(17, operation, path, nil) }
        let number = nextNode
        try update(parent: path, operation) { folder, name in folder.add(name, node: number) }
        nextNode += 1
        nodes[number] = node
        return number
    }

    private func handle(to number: Int, _ file: SimulatedFile?, _ path: String) -> FileHandle {
        defer { nextDescriptor += 1 }
        opened[nextDescriptor] = (number, file)
        return FileHandle(descriptor: nextDescriptor, path: path)
    }

    private func file(_ handle: FileHandle) throws(StorageError) -> SimulatedFile {
        try requireRunning(handle.path)
        guard let file = opened[handle.descriptor]?.file else {
            preconditionFailure("a handle of \(handle.path) is used that is not open")
        }
        return file
    }

    private func requireRunning(_ path: String) throws(StorageError) {
        if isStopped {
            throw StorageError(
                .machineStopped,
                path: path,
                operation: "use",
                reason: "the simulated machine has stopped",
                remedy: "crash or kill it, then go on"
            )
        }
    }

    private func change(_ path: String) throws(StorageError) {
        if let left = changesUntilStop {
            if left == 0 { isStopped = true }
            changesUntilStop = max(0, left - 1)
        }
        try requireRunning(path)
        changeCount += 1
    }

    private func passesSync() -> Bool {
        guard let left = syncsUntilFailure else { return true }
        syncsUntilFailure = left == 0 ? nil : left - 1
        return left > 0
    }

    private func notFound(_ operation: String, _ path: String) -> StorageError {
        POSIXFileSystem.error(2, operation, path, nil)
    }

    private func syncFailure(_ path: String) -> StorageError {
        StorageError(
            .syncFailed,
            path: path,
            operation: "sync",
            reason: "the simulated disk failed",
            remedy: "the node stops, because written data may be lost; start it again"
        )
    }
}
