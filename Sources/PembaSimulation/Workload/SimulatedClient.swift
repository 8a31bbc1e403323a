// Pemba: one simulated client.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaReplica
import PembaService

/// A client that does one thing at a time, repeats what is safe to repeat at other nodes, and keeps its newest zookie.
final class SimulatedClient {
    /// What it is doing.
    struct Operation {
        enum Kind {
            /// Opening a session.
            case openSession
            /// A write of tuples; its place in the history.
            case write(Int)
            /// Replacing the schema.
            case schema(String)
            /// Checks of one state; `expected` is the right answer of a story.
            case check([CheckItem], Consistency, expected: Bool?)
            /// A check with a zookie that no cluster has issued; the code that it must be refused with.
            case forged(CheckItem, Zookie, ErrorCode)
        }

        let kind: Kind
        /// How often it has been sent.
        var attempts = 0
        /// Whether something that was sent may have been done.
        var isUncertain = false
        /// What had been acknowledged when it was last sent.
        var acknowledgedBefore: Revision = .zero
    }

    let place: Int
    var random: SeededRandom
    /// The session, once there is one.
    var session: UInt64?
    var nextSequence: UInt64 = 1
    /// A deletion that was done in part, and goes on.
    var deletion: DeleteRequest?
    /// The newest zookie it was given.
    var newest: Zookie?
    /// What it is doing; nil between operations.
    var operation: Operation?
    /// The number of the last thing sent: answers to earlier ones are not listened to any more.
    var attempt: UInt64 = 0
    /// The rest of the story it is in.
    var script: Deque<ScriptStep> = []
    var scriptCount = 0
    /// What it is told of changes.
    var watch = ClientWatch()
    /// Whether the write that proves the cluster alive is to be done, is being done, or is done.
    private var final: Final = .none

    private enum Final {
        case none
        case wanted
        case answered
    }

    init(place: Int, random: SeededRandom) {
        self.place = place
        self.random = random
    }

    /// Asks for the write that must succeed.
    func beginFinalWrite() {
        final = .wanted
        script.removeAll()
    }

    /// Whether that write is still to succeed.
    var wantsFinalWrite: Bool { final == .wanted }
    /// Whether it has.
    var hasFinalAnswer: Bool { final == .answered }
    /// It has.
    func noteFinalAnswer() { final = .answered }

    /// Whether it waits for nothing.
    var isIdle: Bool { operation == nil }

    /// Takes a zookie that it was given.
    func learn(_ zookie: Zookie) {
        if newest.map({ $0.revision < zookie.revision }) ?? true { newest = zookie }
    }
}
