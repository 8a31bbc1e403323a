// Pemba: what can happen next in a simulated run.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService

/// One thing that happens at its time.
///
/// Nodes and clients are named by their places. What is large stands behind a reference: events are moved often.
enum SimulationEvent {
    /// A node's timer, if it has not been set anew since.
    case timer(node: Int, generation: UInt64)
    /// A message arrives, if its connection still stands.
    case deliver(from: Int, to: Int, connection: UInt64, bytes: [UInt8])
    /// A node learns that its connection to another stands, or has broken.
    case link(node: Int, boot: UInt64, peer: Int, isUp: Bool)
    /// A node's disk has finished what it was doing.
    case disk(node: Int, boot: UInt64, work: UInt64)
    /// A node applies what is committed.
    case apply(node: Int, boot: UInt64)
    /// A node writes the next block of its snapshot.
    case snapshotSlice(node: Int, boot: UInt64, number: Int)
    /// A node goes on with an evaluation.
    case resume(node: Int, boot: UInt64, evaluation: UInt64)
    /// A client's request arrives.
    indirect case request(node: Int, ClientRequest)
    /// An answer arrives at its client.
    indirect case answer(client: Int, attempt: UInt64, ClientAnswer)
    /// A client has waited long enough for an answer.
    case timeout(client: Int, attempt: UInt64)
    /// A client does its next thing.
    case act(client: Int)
    /// A client that watches looks for a node that tells it more.
    case watch(client: Int)
    /// A client's wish to watch arrives.
    case watchRequest(node: Int, client: Int, attempt: UInt64, after: Revision?)
    /// Word arrives at a client that watches.
    indirect case watchAnswer(client: Int, attempt: UInt64, WatchAnswer)
    /// A node starts.
    case start(node: Int)
    /// A fault begins.
    case fault
    /// An operator asks for other members.
    case operate
    /// The network is whole again.
    case heal
    /// There is room on a node's disk again.
    case diskEmptied(node: Int)
}

/// What a client asks of a node.
struct ClientRequest {
    /// Who asks.
    var client: Int
    /// Which of the client's attempts it is.
    var attempt: UInt64
    /// How long the client waits.
    var patience: TimeSpan
    /// What it asks.
    var body: Body

    /// The kinds of requests.
    enum Body {
        case command(ClientCommand)
        /// Questions about one state; `isPausing`: the node does something else in between.
        case check([CheckItem], Consistency, isPausing: Bool)
    }
}

/// What a client gets back.
enum ClientAnswer {
    /// Nobody listens: nothing was done.
    case unreachable
    /// The answer to a command.
    case command(Result<CommandOutcome, ServiceError>)
    /// The answer to a check.
    case check(Result<CheckedItems, ServiceError>)
}

/// The answers to questions that were asked together: all are of one state.
struct CheckedItems {
    /// The state.
    var zookie: Zookie
    /// Whether it is so, or depends on what was not said, or why there is no answer.
    var decisions: [Result<Permissionship, ErrorCode>]
}

/// What a client that watches is told.
enum WatchAnswer {
    /// The watch begins after this revision.
    case begun(Revision)
    /// Something changed.
    case item(HistoryItem)
    /// Nothing else changed up to this revision.
    case told(Revision)
    /// The node tells no more; `isTooOld`: what comes next is not kept there.
    case ended(isTooOld: Bool)
}
