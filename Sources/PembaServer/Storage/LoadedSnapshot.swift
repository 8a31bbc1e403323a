// Pemba: a state that one thread loaded for another.
// SPDX-License-Identifier: Apache-2.0

package import PembaReplica

/// The state of a snapshot on its way from the thread that loaded it to the loop that goes on with it.
///
/// `@unchecked Sendable`: the state machine is confined to one thread at a time. Whoever makes this value has just
/// finished loading, keeps no reference, and hands it over once; `take` is called once by the receiver.
package final class LoadedSnapshot: @unchecked Sendable {
    private let machine: StateMachine
    /// The snapshot's blocks of content: the manifest does not count.
    package let blockCount: UInt32

    package init(_ machine: StateMachine, blockCount: UInt32) {
        self.machine = machine
        self.blockCount = blockCount
    }

    /// The state, for the thread that goes on with it.
    package func take() -> StateMachine { machine }
}
