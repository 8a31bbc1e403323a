// Pemba: sizes of a replica's files.
// SPDX-License-Identifier: Apache-2.0

/// Sizes that do not change what the files mean.
package struct StoreOptions: Sendable, Hashable {
    /// Bytes of a log segment, a multiple of 4,096; a longer batch gets a longer segment.
    package var segmentBytes: Int
    /// Bytes that one step of filling the next segment writes and syncs, a multiple of 4,096: what an append waits for
    /// at most when the next segment is needed before it is filled.
    package var fillStepBytes: Int
    /// Bytes of entries, before compression, from which a group commit is cut into several batches.
    package var batchBytes: Int
    /// Bytes of a snapshot that are written between two syncs.
    package var snapshotSyncBytes: Int
    /// Bytes of the file that is deleted when the disk is full; 0: there is none.
    package var ballastBytes: Int

    package init(
        segmentBytes: Int = 64 << 20,
        fillStepBytes: Int = 1 << 20,
        batchBytes: Int = 4 << 20,
        snapshotSyncBytes: Int = 16 << 20,
        ballastBytes: Int = 16 << 20
    ) {
        precondition(segmentBytes % 4_096 == 0 && segmentBytes > 0, "a segment is a number of whole pages")
        precondition(fillStepBytes % 4_096 == 0 && fillStepBytes > 0, "a step is a number of whole pages")
        self.segmentBytes = segmentBytes
        self.fillStepBytes = fillStepBytes
        self.batchBytes = batchBytes
        self.snapshotSyncBytes = snapshotSyncBytes
        self.ballastBytes = ballastBytes
    }

    /// The sizes for a real disk.
    package static let standard = StoreOptions()

    /// Sizes for simulation and tests, where everything should happen often.
    package static let small = StoreOptions(
        segmentBytes: 64 << 10,
        fillStepBytes: 16 << 10,
        batchBytes: 16 << 10,
        snapshotSyncBytes: 64 << 10,
        ballastBytes: 0
    )
}
