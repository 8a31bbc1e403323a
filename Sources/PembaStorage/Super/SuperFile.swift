// Pemba: the vote file: what this node promised, in two slots.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft

/// What the bytes of a vote file say; the pure half of `SuperFile`.
package enum SuperVerdict: Hashable, Sendable {
    /// The record in force.
    case record(SuperRecord)
    /// Nothing in it can be trusted, for this reason.
    case damaged(offset: Int, String)
    /// A newer version wrote it.
    case unknownVersion(UInt16)

    /// Bytes of one slot: one page.
    package static let slotBytes = 4_096
    /// Where the record and its copy lie in a slot, in different sectors of it.
    package static let copyOffsets = [0, 2_048]
    /// Bytes of the file.
    package static let fileBytes = 2 * slotBytes

    /// Reads a vote file.
    ///
    /// A crash leaves the slot that was being written with old sectors, new ones or zeros, each record whole in its
    /// sector, and the other slot untouched. A slot that holds anything else has rotted; it may have been the newer
    /// one, so the other does not prove what the node promised.
    package static func read(_ bytes: [UInt8]) -> SuperVerdict {
        guard bytes.count == fileBytes else {
            return .damaged(offset: bytes.count, "it has \(bytes.count) bytes and not \(fileBytes)")
        }
        var best: SuperRecord?
        for slot in 0..<2 {
            switch read(slot: slot, of: bytes) {
            case .record(let record):
                if record.generation > best?.generation ?? 0 { best = record }
            case .blank: continue
            case .unknownVersion(let version): return .unknownVersion(version)
            case .damaged:
                return .damaged(offset: slot * slotBytes, "slot \(slot) holds neither a record nor what a crash leaves")
            }
        }
        guard let best else { return .damaged(offset: 0, "both slots are empty") }
        return .record(best)
    }

    private static func read(slot: Int, of bytes: [UInt8]) -> SuperRecord.Reading {
        let readings = copyOffsets.map { offset in
            bytes.withUnsafeBytes { buffer in
                let start = slot * slotBytes + offset
                return SuperRecord.read(UnsafeRawBufferPointer(rebasing: buffer[start..<(start + SuperRecord.bytes)]))
            }
        }
        var best: SuperRecord?
        for case .record(let record) in readings where record.generation & 1 == UInt64(slot) {
            if record.generation > best?.generation ?? 0 { best = record }
        }
        if let best { return .record(best) }
        return readings.first { $0 != .blank && !$0.isRecord }
            ?? (readings.contains { $0.isRecord } ? .damaged : .blank)
    }

    /// A whole slot for `record`.
    package static func slot(_ record: SuperRecord) -> [UInt8] {
        var slot = [UInt8](repeating: BatchFraming.padding, count: slotBytes)
        let encoded = record.encoded()
        for offset in copyOffsets { slot.replaceSubrange(offset..<(offset + encoded.count), with: encoded) }
        return slot
    }
}

extension SuperRecord.Reading {
    fileprivate var isRecord: Bool {
        if case .record = self { return true }
        return false
    }
}

/// The open vote file.
///
/// Every write goes to the slot that does not hold the record in force.
struct SuperFile<Files: FileSystem> {
    private let files: Files
    private let handle: FileHandle
    /// What is durable.
    private(set) var record: SuperRecord

    /// Writes a vote file that must not exist, both slots of it, and syncs it (not its name).
    static func create(_ path: String, identity: StoreIdentity, hardState: HardState, files: Files) throws(StorageError)
    {
        let handle = try files.create(path)
        defer { files.close(handle) }
        for generation in 1...UInt64(2) {
            let record = SuperRecord(generation: generation, identity: identity, hardState: hardState)
            try files.write(handle, SuperVerdict.slot(record), at: SuperFile.offset(of: generation))
        }
        try files.sync(handle)
    }

    /// Opens the vote file and reads what the disk holds, not what a process before may have left in memory.
    init(opening path: String, files: Files) throws(StorageError) {
        self.files = files
        handle = try files.open(path, forWriting: true)
        do throws(StorageError) {
            try files.sync(handle)
            try files.discardCache(handle)
            let bytes = try files.bytes(handle, at: 0, count: SuperVerdict.fileBytes + 1)
            record = try SuperFile.record(of: bytes, path: path)
        } catch {
            files.close(handle)
            throw error
        }
    }

    func close() { files.close(handle) }

    /// Makes a new term or vote durable.
    mutating func write(_ hardState: HardState) throws(StorageError) {
        var next = record
        next.generation += planted("one-vote-slot") ? 2 : 1
        next.hardState = hardState
        try files.write(handle, SuperVerdict.slot(next), at: SuperFile.offset(of: next.generation))
        if !planted("vote-not-synced") { try files.sync(handle) }
        record = next
    }

    private static func offset(of generation: UInt64) -> Int { Int(generation & 1) * SuperVerdict.slotBytes }

    private static func record(of bytes: [UInt8], path: String) throws(StorageError) -> SuperRecord {
        switch SuperVerdict.read(bytes) {
        case .record(let record): return record
        case .damaged(let offset, let reason):
            throw StorageError(
                .voteDamaged,
                path: path,
                offset: offset,
                operation: "trust the vote file",
                reason: reason,
                remedy: "it is not known any more for whom this node voted, so it must not come back: "
                    + "replace it by a new node with an empty data folder"
            )
        case .unknownVersion(let version):
            throw StorageError(
                .unsupportedVersion,
                path: path,
                operation: "read the vote file",
                reason: "it has version \(version), and this program knows version \(SuperRecord.version)",
                remedy: "start the newer version of the program that wrote it"
            )
        }
    }
}
