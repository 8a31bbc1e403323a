// Pemba: everything durable of one replica.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// What a replica was when it last acknowledged something.
package struct RecoveredState: Sendable {
    /// The term and vote.
    package var hardState: HardState
    /// The current snapshot.
    package var snapshot: SnapshotManifest?
    /// The entries after the snapshot, without gaps.
    package var entries: [LogEntry]
    /// What was cut off the end of the log because a crash had torn it, in words for the log; nil if nothing was.
    package var truncation: String?
    /// What the disk had lost when it was opened, for which the node owes (`HardState.debt`); nil if nothing.
    package var damage: StorageDamage?
    /// A snapshot that could not be read; the log had everything, or `damage` says what is lost.
    package var snapshotLoss: StorageError?
}

/// The data folder of one node: vote file, log and snapshots.
///
/// All calls block until what they promise is durable. Confined to one thread at a time: it is not `Sendable`, and may be
/// handed to the storage thread as a whole (`sending`). After an error other than `noSpace` and `snapshotRefused` of a
/// writing call it is not used any more: every later call throws `unusable`, and the process ends and recovers by
/// opening the folder anew. In particular a failed sync is never repeated.
///
/// Whoever calls it is in another module, for which generic code is not compiled anew: so the calls in which nodes and
/// simulations spend their time are compiled for the two file systems of the product.
package final class ReplicaStore<Files: FileSystem> {
    let files: Files
    let folder: String
    let identity: StoreIdentity
    let options: StoreOptions
    private let lock: FileHandle
    var superFile: SuperFile<Files>
    var log: SegmentedLog<Files>
    var snapshots: SnapshotStore<Files>
    private let recovery: LogRecovery<Files>
    /// Whether the ballast has its size.
    var hasBallast = false
    var scrubber = Scrubber()
    /// The first error after which nothing is known about the disk.
    private var failure: StorageError?

    /// What was found at opening, until `releaseRecovered`.
    package private(set) var recovered: RecoveredState

    /// Opens the folder of a node, which nobody else may have open, and recovers what was acknowledged.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package init(
        opening folder: String,
        files: Files,
        expecting identity: StoreIdentity,
        options: StoreOptions = .standard
    ) throws(StorageError) {
        self.files = files
        self.folder = folder
        self.identity = identity
        self.options = options
        lock = try ReplicaStore.lock(folder, files: files)
        do throws(StorageError) {
            guard try DataFolder.state(folder, files: files) == .initialised else {
                throw ReplicaStore.notInitialised(folder)
            }
            // The names that a process before this one has made may not be durable yet.
            try files.syncFolder(folder)
            superFile = try SuperFile(opening: folder + "/" + DataFolder.superName, files: files)
        } catch {
            files.close(lock)
            throw error
        }
        do throws(StorageError) {
            try DataFolder.check(superFile.record.identity, expected: identity, folder: folder)
            try ReplicaStore.removeMarker(folder, files: files)
            snapshots = try SnapshotStore(
                opening: folder + "/" + DataFolder.snapshotsName,
                identity: identity,
                options: options,
                files: files
            )
        } catch {
            superFile.close()
            files.close(lock)
            throw error
        }
        recovery = LogRecovery(
            files: files,
            folder: folder + "/" + DataFolder.logName,
            identity: identity,
            options: options
        )
        do throws(StorageError) {
            (log, recovered) = try ReplicaStore.recoverLog(recovery, snapshots: snapshots, superFile: &superFile)
        } catch {
            snapshots.close()
            superFile.close()
            files.close(lock)
            throw error
        }
    }

    /// Reads the log, and notes durably what the node owes before anything of it is cleaned up.
    private static func recoverLog(
        _ recovery: LogRecovery<Files>,
        snapshots: SnapshotStore<Files>,
        superFile: inout SuperFile<Files>
    ) throws(StorageError) -> (SegmentedLog<Files>, RecoveredState) {
        let snapshot = snapshots.current?.manifest
        let (index, term) = (snapshot?.point.lastIndex ?? .zero, snapshot?.point.lastTerm ?? .zero)
        let inspector = LogInspector(
            files: recovery.files,
            folder: recovery.folder,
            identity: recovery.identity,
            snapshotIndex: index,
            snapshotTerm: term,
            snapshotLoss: snapshots.loss
        )
        let inspection = try inspector.inspect(try recovery.segments(), hardState: superFile.record.hardState)
        if let damage = inspection.damage, !planted("damage-owes-nothing") {
            try superFile.write(superFile.record.hardState.owing(damage.kind))
        }
        let found = try recovery.open(inspection, after: index, term: term)
        let state = RecoveredState(
            hardState: superFile.record.hardState,
            snapshot: snapshot,
            entries: found.entries,
            truncation: inspection.truncation,
            damage: inspection.damage,
            snapshotLoss: snapshots.loss
        )
        return (found.log, state)
    }

    /// Sets the current snapshot aside, of which a block turned out to be damaged.
    ///
    /// The folder is then to be closed and opened anew, which tells what is left without it.
    package func setSnapshotAside() throws(StorageError) {
        try perform { () throws(StorageError) in try snapshots.setCurrentAside() }
    }

    /// Sets the snapshot and the whole log aside, so that the next opening finds nothing but what the node has promised.
    package func setAllAside() throws(StorageError) {
        try perform { () throws(StorageError) in
            try recovery.setAside(try recovery.segments())
            try snapshots.setCurrentAside()
        }
    }

    /// Forgets, because an operator has decided so, what the node owes: whatever it has lost counts as lost for good.
    package func forgiveDebt() throws(StorageError) {
        try perform { () throws(StorageError) in
            var hardState = superFile.record.hardState
            guard hardState.debt != nil else { return }
            hardState.debt = nil
            hardState.votesFrom = .zero
            try superFile.write(hardState)
            recovered.hardState = hardState
        }
    }

    /// Removes what was set aside as damaged, when the node has everything again.
    func discardFaulty() throws(StorageError) {
        try recovery.discardFaulty()
        try snapshots.discardFaulty()
    }

    /// Ends the use of the folder.
    ///
    /// Everything acknowledged is durable already.
    package func close() {
        log.close()
        snapshots.close()
        superFile.close()
        files.close(lock)
        failure = unusable("it was closed")
    }

    /// Frees the recovered entries when they have been taken over.
    package func releaseRecovered() { recovered.entries = [] }

    /// Makes several requests durable with one batch and one sync, in their order (rule W3).
    ///
    /// The last term and vote are durable before the entries are written. Entries that a later request replaces are not
    /// written. May throw `noSpace`: then the same requests may be given again when there is room.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func append(_ requests: [PersistRequest]) throws(StorageError) {
        try perform { () throws(StorageError) in
            let hardState = requests.last { $0.hardState != nil }?.hardState
            let owed = superFile.record.hardState.debt
            if let hardState, hardState != superFile.record.hardState { try superFile.write(hardState) }
            // What was on its way while a snapshot was installed may be covered by it, and is in it.
            let covered = snapshots.currentIndex
            let entries = ReplicaStore.merged(requests).drop { $0.index <= covered }
            precondition(
                entries.last?.term ?? .zero <= superFile.record.hardState.term,
                "an entry is written before its term is durable"
            )
            try log.append(entries)
            if owed != nil, superFile.record.hardState.debt == nil { try discardFaulty() }
        }
    }

    /// Prepares the disk for later appends by one bounded step; returns whether there is more to do now.
    ///
    /// To be called when nothing waits for the storage thread, again and again while it returns true. Without it
    /// appends still work, in shorter segments and with a longer wait at each change of segment.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func prepare() throws(StorageError) -> Bool {
        try perform { () throws(StorageError) in
            if try log.fillAhead() { return true }
            return hasBallast || options.ballastBytes == 0 ? false : try fillBallast()
        }
    }

    /// Deletes the stored log up to `index` as far as whole segments go.
    ///
    /// Requires that a durable snapshot covers it.
    @specialized(where Files == POSIXFileSystem)
    @specialized(where Files == SimulatedFileSystem)
    package func compact(upTo index: LogIndex) throws(StorageError) {
        precondition(index <= snapshots.currentIndex, "the log up to \(index) is not covered by a snapshot")
        try perform { () throws(StorageError) in try log.compact(upTo: index) }
    }

    /// Runs a writing call; after an error that leaves the disk unknown no other is run.
    func perform<Value>(_ body: () throws(StorageError) -> Value) throws(StorageError) -> Value {
        try requireUsable()
        do throws(StorageError) {
            return try body()
        } catch {
            let isHarmless = error.code == .noSpace && !log.isMidway || error.code == .snapshotRefused
            if !isHarmless { failure = unusable("it failed before (\(error))") }
            throw error
        }
    }

    /// Refuses to go on after an error that left the disk unknown.
    func requireUsable() throws(StorageError) {
        if let failure { throw failure }
    }

    private func unusable(_ reason: String) -> StorageError {
        StorageError(
            .unusable,
            path: folder,
            operation: "use the data folder",
            reason: reason,
            remedy: "start the node again"
        )
    }

    /// The entries of all requests without those that a later request replaces.
    private static func merged(_ requests: [PersistRequest]) -> [LogEntry] {
        guard requests.count != 1 else { return requests[0].entries }
        var merged: [LogEntry] = []
        merged.reserveCapacity(requests.reduce(0) { $0 + $1.entries.count })
        for request in requests {
            guard let first = request.entries.first else { continue }
            while let last = merged.last, last.index >= first.index { merged.removeLast() }
            merged.append(contentsOf: request.entries)
        }
        return merged
    }
}

// Folders.
extension ReplicaStore {
    /// What `folder` holds; throws if it is something that no node may use.
    package static func folderState(_ folder: String, files: Files) throws(StorageError) -> FolderState {
        try DataFolder.state(folder, files: files)
    }

    /// Makes the data folder of a new node, with the log that every node of a new cluster begins with.
    ///
    /// The folder is empty or not there; its parent is there. Interrupted at any moment, it can be run again. The folder
    /// holds a node from the moment its vote file has its name.
    package static func initialise(
        _ folder: String,
        files: Files,
        identity: StoreIdentity,
        hardState: HardState,
        firstEntries: [LogEntry],
        options: StoreOptions = .standard
    ) throws(StorageError) {
        if try !files.isFolder(folder) {
            try files.createFolder(folder)
            try files.syncFolder(parent(of: folder))
        }
        let lock = try lock(folder, files: files)
        defer { files.close(lock) }
        guard try DataFolder.state(folder, files: files) == .empty else {
            throw StorageError(
                .alreadyInitialised,
                path: folder,
                operation: "make a new node in",
                reason: "it holds a node already",
                remedy: "start the node without initialising it, or choose an empty folder"
            )
        }
        try writeMarker(folder, files: files)
        try DataFolder.clear(folder, files: files)
        let logFolder = folder + "/" + DataFolder.logName
        try files.createFolder(logFolder)
        try files.createFolder(folder + "/" + DataFolder.snapshotsName)
        var log = try SegmentedLog(creating: logFolder, files: files, identity: identity, options: options)
        defer { log.close() }
        try log.append(firstEntries[...])
        let draft = folder + "/" + DataFolder.superDraftName
        try SuperFile.create(draft, identity: identity, hardState: hardState, files: files)
        try files.syncFolder(folder)
        try files.rename(draft, to: folder + "/" + DataFolder.superName)
        try files.syncFolder(folder)
        try removeMarker(folder, files: files)
    }

    private static func writeMarker(_ folder: String, files: Files) throws(StorageError) {
        let marker = folder + "/" + DataFolder.markerName
        if try !files.list(folder).contains(where: { $0.utf8.elementsEqual(DataFolder.markerName.utf8) }) {
            files.close(try files.create(marker))
        }
        try files.syncFolder(folder)
    }

    private static func removeMarker(_ folder: String, files: Files) throws(StorageError) {
        guard try files.list(folder).contains(where: { $0.utf8.elementsEqual(DataFolder.markerName.utf8) }) else {
            return
        }
        try files.remove(folder + "/" + DataFolder.markerName)
        try files.syncFolder(folder)
    }

    private static func lock(_ folder: String, files: Files) throws(StorageError) -> FileHandle {
        do throws(StorageError) {
            return try files.lock(folder)
        } catch {
            guard error.code == .inUse || error.code == .notFound else { throw error }
            if error.code == .notFound { throw notInitialised(folder) }
            throw StorageError(
                .inUse,
                path: folder,
                operation: "use the data folder",
                reason: "another process has it open",
                remedy: "stop that process, or choose another data folder"
            )
        }
    }

    private static func notInitialised(_ folder: String) -> StorageError {
        StorageError(
            .notInitialised,
            path: folder,
            operation: "start a node from",
            reason: "it holds no node yet",
            remedy:
                "if this is a new cluster, initialise the node; otherwise check the data folder in its configuration"
        )
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
