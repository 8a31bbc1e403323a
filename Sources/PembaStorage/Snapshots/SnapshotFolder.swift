// Pemba: names in the snapshots folder, and one snapshot on disk.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// Names in the folder of the snapshots.
enum SnapshotFolder {
    /// The snapshot that this node is writing.
    static let writingName = "writing"
    /// The manifest in a snapshot's folder.
    static let manifestName = "manifest"
    /// The blocks in a snapshot's folder, one after the other.
    static let blocksName = "blocks"

    /// The folder of the complete snapshot that ends at `index`.
    static func snapshotName(_ index: LogIndex) -> String { "snapshot-" + LogFolder.hexadecimal(index.rawValue) }

    /// The folder of the snapshot at `index` that is being received.
    static func receivingName(_ index: LogIndex) -> String { "receiving-" + LogFolder.hexadecimal(index.rawValue) }

    /// The index in a name that `snapshotName` made.
    static func snapshotIndex(_ name: String) -> LogIndex? {
        guard let index = UInt64(name.dropFirst(9), radix: 16).map({ LogIndex($0) }) else { return nil }
        return snapshotName(index).utf8.elementsEqual(name.utf8) ? index : nil
    }
}

/// A complete snapshot, open for reading.
///
/// Its files never change.
struct StoredSnapshot<Files: FileSystem> {
    let manifest: SnapshotManifest
    let manifestBytes: [UInt8]
    private let files: Files
    private let handle: FileHandle
    /// Where each block begins, and after the last one where the file ends.
    private let offsets: [Int]

    /// Opens the snapshot in `folder` and checks its manifest and the length of its blocks, not their content.
    init(opening folder: String, index: LogIndex, identity: StoreIdentity, files: Files) throws(StorageError) {
        self.files = files
        let manifestPath = folder + "/" + SnapshotFolder.manifestName
        let (manifest, bytes) = try StoredSnapshot.readManifest(manifestPath, files: files)
        guard manifest.point.lastIndex == index, manifest.cluster == identity.cluster else {
            throw StoredSnapshot.damage(manifestPath, nil, "it is the manifest of another snapshot")
        }
        self.manifest = manifest
        manifestBytes = bytes
        offsets = SnapshotManifest.offsets(of: manifest.blocks)
        let blocksPath = folder + "/" + SnapshotFolder.blocksName
        handle = try files.open(blocksPath, forWriting: false)
        let size: Int
        do throws(StorageError) {
            size = try files.size(handle)
        } catch {
            files.close(handle)
            throw error
        }
        let expected = offsets.last ?? 0
        guard size == expected else {
            files.close(handle)
            throw StoredSnapshot.damage(blocksPath, size, "the file has \(size) bytes and not \(expected)")
        }
    }

    func close() { files.close(handle) }

    /// Block `number` as stored, verified; 0 is the manifest.
    func block(_ number: UInt32) throws(StorageError) -> [UInt8] {
        if number == 0 { return manifestBytes }
        let entry = manifest.blocks[Int(number) - 1]
        let bytes = try files.bytes(handle, at: offsets[Int(number) - 1], count: entry.storedBytes)
        guard SnapshotBlock.matches(bytes, number: number, entry: entry) else { throw blockDamage(number) }
        return bytes
    }

    /// Reads block `number` (from 1) from the disk again; returns how many bytes it has.
    func scrub(_ number: UInt32) throws(StorageError) -> Int {
        if number == 1 { try files.discardCache(handle) }
        return try block(number).count
    }

    /// The content of block `number` (from 1), verified.
    func payload(_ number: UInt32) throws(StorageError) -> [UInt8] {
        let entry = manifest.blocks[Int(number) - 1]
        let bytes = try files.bytes(handle, at: offsets[Int(number) - 1], count: entry.storedBytes)
        do throws(ByteError) {
            return try SnapshotBlock.decode(bytes, number: number, entry: entry)
        } catch {
            throw blockDamage(number)
        }
    }

    private func blockDamage(_ number: UInt32) -> StorageError {
        StoredSnapshot.damage(handle.path, offsets[Int(number) - 1], "block \(number) does not match its checksum")
    }

    private static func readManifest(
        _ path: String,
        files: Files
    ) throws(StorageError) -> (SnapshotManifest, [UInt8]) {
        let handle = try files.open(path, forWriting: false)
        defer { files.close(handle) }
        let bytes = try files.bytes(handle, at: 0, count: min(try files.size(handle), SnapshotManifest.bytesMax))
        do throws(ByteError) {
            return (try SnapshotManifest(decoding: bytes), bytes)
        } catch {
            if case .invalidValue(field: SnapshotManifest.versionField, let version) = error {
                throw StorageError(
                    .unsupportedVersion,
                    path: path,
                    operation: "read the snapshot",
                    reason: "it has version \(version), and this program knows version \(SnapshotManifest.version)",
                    remedy: "start the newer version of the program that wrote it"
                )
            }
            throw damage(path, nil, "the manifest cannot be read (\(error))")
        }
    }

    private static func damage(_ path: String, _ offset: Int?, _ reason: String) -> StorageError {
        StorageError(
            .snapshotDamaged,
            path: path,
            offset: offset,
            operation: "read the snapshot",
            reason: reason,
            remedy: "the node gets its state anew from the others"
        )
    }
}

extension SnapshotManifest {
    /// Bytes of a manifest at most.
    static let bytesMax = blocksMax * 12 + 32_768

    /// Where each block begins in the file of blocks, and after the last one where it ends.
    static func offsets(of blocks: [SnapshotBlockEntry]) -> [Int] {
        var offsets = [0]
        offsets.reserveCapacity(blocks.count + 1)
        var end = 0
        for block in blocks {
            end += block.storedBytes
            offsets.append(end)
        }
        return offsets
    }
}
