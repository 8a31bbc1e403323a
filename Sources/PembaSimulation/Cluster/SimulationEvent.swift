// Pemba: what can happen next in a simulated run.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

/// One thing that happens at its time.
///
/// Nodes and clients are named by their places.
enum SimulationEvent {
    /// A node's timer, if it has not been set anew since.
    case timer(node: Int, generation: UInt64)
    /// A message arrives, if its connection still stands.
    case deliver(from: Int, to: Int, connection: UInt64, bytes: [UInt8])
    /// A node learns that its connection to another stands, or has broken.
    case link(node: Int, boot: UInt64, peer: Int, isUp: Bool)
    /// A node's disk has finished what it was doing.
    case disk(node: Int, boot: UInt64)
    /// A node applies what is committed.
    case apply(node: Int, boot: UInt64)
    /// A node writes the next block of its snapshot.
    case snapshotSlice(node: Int, boot: UInt64)
    /// A client's request arrives.
    case request(node: Int, ClientRequest)
    /// An answer arrives at its client.
    case answer(client: Int, attempt: UInt64, ClientAnswer)
    /// A client has waited long enough for an answer.
    case timeout(client: Int, attempt: UInt64)
    /// A client does its next thing.
    case act(client: Int)
    /// A node starts.
    case start(node: Int)
    /// A fault begins.
    case fault
    /// The network is whole again.
    case heal
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
        case check(CheckItem, Consistency)
    }
}

/// What a client gets back.
enum ClientAnswer {
    /// Nobody listens: nothing was done.
    case unreachable
    /// The answer to a command.
    case command(Result<CommandOutcome, ServiceError>)
    /// The answer to a check.
    case check(Result<CheckAnswer, ServiceError>)
}
