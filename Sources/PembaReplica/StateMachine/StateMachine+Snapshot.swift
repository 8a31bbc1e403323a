// Pemba: taking a snapshot of the state while it goes on changing.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaRaft
import PembaSchema

extension StateMachine {
    /// Begins a snapshot of the state as it is now, in blocks of about `blockBytes`; what is applied from here on is not in
    /// it.
    package func beginSnapshot(blockBytes: Int = Limits.snapshotBlockBytes) {
        precondition(snapshotStream == nil, "a snapshot was begun while one is being written")
        let schema = Array((schema?.source ?? "").utf8)
        let contents = SnapshotContents(
            point: point,
            schemaBytes: schema.count,
            sessionCount: sessions.count,
            answerCount: sessions.answerCount,
            tupleCount: graph.tupleCount,
            tupleHash: graph.contentHash,
            stateHash: stateHash
        )
        graph.beginSnapshot()
        let sessions = planted("snapshot-forgets-sessions") ? [] : sessions.ordered()
        snapshotStream = SnapshotStream(
            contents: contents,
            schema: schema,
            sessions: sessions,
            blockBytes: blockBytes
        )
    }

    /// The next block of the snapshot; nil when it is complete, which ends it.
    package func nextSnapshotBlock() -> [UInt8]? {
        guard let block = snapshotStream?.next(from: graph) else {
            endSnapshot()
            return nil
        }
        return block
    }

    /// Ends the snapshot, complete or not; does nothing if there is none.
    package func endSnapshot() {
        guard snapshotStream != nil else { return }
        graph.endSnapshot()
        snapshotStream = nil
    }
}
