// Pemba: how full a disk is, without flutter.
// SPDX-License-Identifier: Apache-2.0

package import PembaReplica

/// Turns free bytes into what is to be done about them.
///
/// A level is left only when there is clearly more room than at its beginning: otherwise the first segment that is deleted
/// would end what had just begun.
package struct SpaceGauge: Sendable {
    private let lowBytes: Int
    private let criticalBytes: Int
    /// The level as of the last reading.
    package private(set) var level = DiskSpace.ample

    /// Levels that begin below these numbers of free bytes.
    package init(lowBytes: Int, criticalBytes: Int) {
        self.lowBytes = lowBytes
        self.criticalBytes = criticalBytes
    }

    /// Takes a reading.
    package mutating func read(freeBytes: Int) {
        let criticalEnd = level == .critical ? criticalBytes / 2 * 3 : criticalBytes
        let lowEnd = level == .ample ? lowBytes : lowBytes / 4 * 5
        level = freeBytes < criticalEnd ? .critical : freeBytes < lowEnd ? .low : .ample
    }

    /// A write found no room, whatever was read.
    package mutating func foundNoRoom() { level = .critical }
}
