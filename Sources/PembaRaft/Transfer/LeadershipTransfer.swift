// Pemba: a hand-over of leadership that is under way.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The leader brings `target` up to date, tells it to campaign, and takes no proposals until `deadline`.
struct LeadershipTransfer: Sendable {
    var target: NodeID
    var deadline: Instant
    /// Whether the target was told to campaign.
    var isToldToCampaign = false
}
