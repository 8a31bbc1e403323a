// Pemba: one state of the whole cluster.
// SPDX-License-Identifier: Apache-2.0

/// The numbers of the nodes' states, of what was decided, of what may still happen, and of all messages that were sent.
struct ClusterState {
    /// By node, from the first.
    var nodes: [Int]
    var history: Int
    var budget: Budget
    /// Every message that was sent and can still make a difference, in no order.
    var messages: [Int]

    /// How often things may still happen.
    struct Budget: Hashable {
        var entries: UInt8
        var crashes: UInt8
        var reconfigurations: UInt8
        var heartbeats: UInt8
        var reads: UInt8

        init(_ bounds: ExplorationBounds) {
            entries = UInt8(bounds.entries)
            crashes = UInt8(bounds.crashes)
            reconfigurations = UInt8(bounds.reconfigurations)
            heartbeats = UInt8(bounds.heartbeats)
            reads = UInt8(bounds.reads)
        }

        /// All of it in one number.
        var packed: UInt64 {
            let low = UInt64(entries) | UInt64(crashes) << 8 | UInt64(reconfigurations) << 16
            return low | UInt64(heartbeats) << 24 | UInt64(reads) << 32
        }

        init(packed: UInt64) {
            entries = UInt8(truncatingIfNeeded: packed)
            crashes = UInt8(truncatingIfNeeded: packed >> 8)
            reconfigurations = UInt8(truncatingIfNeeded: packed >> 16)
            heartbeats = UInt8(truncatingIfNeeded: packed >> 24)
            reads = UInt8(truncatingIfNeeded: packed >> 32)
        }
    }
}
