// Pemba: what a stream asks for, and how far it has come.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// What a stream asks for and how far it has come: enough to go on at another node as if nothing had happened.
///
/// It is a value that one task's reading moves on; only the client's loop touches it.
protocol StreamQuery<Item, End>: Sendable {
    /// What is handed out, one by one.
    associatedtype Item: Sendable
    /// What is known once everything has been handed out.
    associatedtype End: Sendable

    /// The frame that asks for what comes next.
    var type: FrameType { get }
    /// The frames that carry items.
    var itemsType: FrameType { get }
    /// The end, if nothing is missing any more although the node has not said so; asked when a connection was lost.
    var reachedEnd: End? { get }

    /// The same query, to be ended where one call to a node ends, for whoever pages through the answer.
    func asOneCall() -> Self

    /// Another request is about to be sent.
    mutating func beginRequest()

    /// Appends the payload of a request that goes on after the last item.
    ///
    /// - Parameter window: how many frames of items the node may send before it hears of the client again.
    func encode(
        deadlineMilliseconds: UInt32,
        newestWrite: Zookie?,
        window: UInt16,
        into output: inout ByteWriter
    )

    /// Reads a frame of items and takes note of the last; leaves out what came before a connection was lost.
    mutating func items(in payload: UnsafeRawBufferPointer) throws(ByteError) -> [Item]

    /// Reads the frame that ends a request.
    mutating func end(in payload: UnsafeRawBufferPointer) throws(ByteError) -> StreamTurn<Item, End>
}

extension StreamQuery {
    var reachedEnd: End? { nil }
    func asOneCall() -> Self { self }
    mutating func beginRequest() {}

    /// The consistency of the first request of a stream: what the caller said, or at least this client's newest write.
    static func resolved(_ consistency: Consistency?, _ newestWrite: Zookie?) -> Consistency {
        consistency ?? newestWrite.map { .atLeastAsFresh($0) } ?? .minimizeLatency
    }
}

/// What follows the end of one request of a stream.
enum StreamTurn<Item: Sendable, End: Sendable>: Sendable {
    /// Nothing: everything has been handed out.
    case done(End)
    /// These items, and then another request.
    case another([Item])
}
