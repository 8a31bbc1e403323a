// Pemba: what one node says about the state that all should have.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The hash that a node's state had after it applied an entry (rule W10).
package struct AuditStatement: Sendable, Hashable {
    /// The entry.
    package var index: LogIndex
    /// `StateMachine.stateHash` after it.
    package var hash: UInt64

    package init(index: LogIndex, hash: UInt64) {
        self.index = index
        self.hash = hash
    }
}

/// Why a node's state is not to be believed.
package struct Quarantine: Sendable, Hashable {
    /// The entry after which it differed.
    package var index: LogIndex
    /// This node's hash.
    package var own: UInt64
    /// The hash of the others.
    package var others: UInt64
}
