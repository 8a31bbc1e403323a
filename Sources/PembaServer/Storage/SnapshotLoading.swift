// Pemba: loading the current snapshot of a store.
// SPDX-License-Identifier: Apache-2.0

import PembaGraph
package import PembaReplica
package import PembaStorage

/// Why the current snapshot does not make a state.
package enum SnapshotLoadingError: Error, CustomStringConvertible {
    case storage(StorageError)
    case content(SnapshotError)

    /// What was wrong.
    package var description: String {
        switch self {
        case .storage(let error): error.description
        case .content(let error): "the snapshot's content is not a state: \(error)"
        }
    }
}

/// Builds the state of a store's current snapshot, block by block, so that other work can come in between.
package struct SnapshotLoading: ~Copyable {
    private var loader: SnapshotLoader
    /// The block to load next, from 1; the manifest is block 0.
    private var next: UInt32 = 1
    /// The blocks of content.
    package let blockCount: UInt32

    /// Starts to load the snapshot that `manifest` describes.
    package init(_ manifest: SnapshotManifest) {
        blockCount = manifest.blockCount
        loader = SnapshotLoader(capacity: .standard, hashSeed: .random(in: .min ... .max))
    }

    /// How many blocks are loaded.
    package var loadedBlocks: UInt32 { next - 1 }

    /// Loads the next block; false if there is none left.
    package mutating func loadNext<Files: FileSystem>(
        from store: ReplicaStore<Files>
    ) throws(SnapshotLoadingError) -> Bool {
        guard next <= blockCount else { return false }
        let block: [UInt8]
        do throws(StorageError) {
            block = try store.snapshotPayload(next)
        } catch {
            throw .storage(error)
        }
        let failure: SnapshotError? = block.withUnsafeBytes { raw in
            do throws(SnapshotError) {
                try loader.load(raw)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw .content(failure) }
        next += 1
        return true
    }

    /// The state, when everything is loaded.
    package consuming func finish() throws(SnapshotLoadingError) -> LoadedSnapshot {
        let count = blockCount
        do throws(SnapshotError) {
            let machine = try loader.finish()
            return LoadedSnapshot(machine, blockCount: count)
        } catch {
            throw .content(error)
        }
    }
}
