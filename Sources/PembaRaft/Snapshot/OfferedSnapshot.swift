// Pemba: a snapshot that a follower fetches.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The snapshot that a leader offered and that the shell was asked to fetch.
struct OfferedSnapshot: Sendable, Hashable {
    var from: NodeID
    var index: LogIndex
    var term: Term
}
