// Pemba: what the manifest of a snapshot says of the state.
// SPDX-License-Identifier: Apache-2.0

package import PembaRaft

/// The state that a snapshot holds, for its manifest.
package struct SnapshotHeader: Sendable, Equatable {
    /// The last entry applied, and the configuration.
    package let point: RaftSnapshotPoint
    /// The hash of the state: 16 bytes.
    package let stateHash: [UInt8]
}
