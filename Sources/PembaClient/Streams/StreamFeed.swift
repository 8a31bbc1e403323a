// Pemba: a stream on its way from connections to the task that reads it.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore
import PembaTransport
import PembaWire
import Synchronization

/// What connections and the client's core need to know of a stream, whatever it carries.
protocol FrameStream: AnyObject, Sendable {
    /// The frame that asks for what comes next.
    var type: FrameType { get }
    /// How long it may go on without getting on.
    var patience: TimeAmount { get }
    /// Whether nothing is missing any more although no node has said so.
    var isSatisfied: Bool { get }

    /// Appends the payload of a request that goes on after the last item.
    func encode(deadlineMilliseconds: UInt32, newestWrite: Zookie?, into output: inout ByteWriter)
    /// Takes a frame that came for it.
    func receive(_ type: FrameType, _ payload: UnsafeRawBufferPointer) throws(ByteError) -> FrameStreamProgress
}

/// What a frame meant for a stream.
enum FrameStreamProgress {
    /// It carried items; more may come.
    case items
    /// It ended the request.
    case ended
    /// It is none that the node may send now.
    case foreign
}

/// A stream on its way: connections bring frames of items on the client's loop, one task takes them out.
///
/// At most a window of frames is buffered, however slowly the task reads and however often the stream goes on elsewhere:
/// each request says how much room there is, and room that the task makes is told to the node as credit.
///
/// `@unchecked Sendable`: `query`, `request` and `outstanding` are confined to the client's loop once the stream has
/// started; what the loop and the reading task share is behind the mutex.
final class StreamFeed<Item: Sendable, End: Sendable>: FrameStream, @unchecked Sendable {
    /// Frames of items that are buffered or on their way at most.
    static var window: Int { 16 }

    private struct Shared {
        /// Frames' items that came and were not taken.
        var batches = Deque<[Item]>()
        /// How the stream ended; what is buffered is handed out first.
        var outcome: Result<End, ClientError>?
        /// Whether a node was asked for the first time.
        var isStarted = false
        /// The task that waits.
        var reader: UnsafeContinuation<Next, Never>?
        /// Frames taken since the loop was last told.
        var taken = 0
    }

    /// What the reading task gets.
    typealias Next = Result<StreamPiece<Item, End>, ClientError>

    let patience: TimeAmount
    private let core: ClientCore
    private let submit: @Sendable (ClientRequest) -> Void
    private let shared = Mutex(Shared())
    private var query: any StreamQuery<Item, End>
    private var request: ClientRequest?
    /// Frames that the node may still send.
    private var outstanding = 0

    init(
        _ query: any StreamQuery<Item, End>,
        patience: TimeAmount,
        core: ClientCore,
        submit: @escaping @Sendable (ClientRequest) -> Void
    ) {
        self.query = query
        self.patience = patience
        self.core = core
        self.submit = submit
    }

    /// Asks a node, any, for what comes next.
    ///
    /// The first time it is called by the task that reads, before the loop knows of the stream; afterwards by the loop.
    private func ask() {
        let request = ClientRequest(
            .stream(self),
            deadline: .now() + patience,
            waiter: .callback { [self] outcome in finished(outcome) }
        )
        self.request = request
        submit(request)
    }

    // MARK: - The reading task

    /// The next frame's items, or the end.
    ///
    /// One task at a time may ask.
    func next() async -> Next {
        let isFirst = shared.withLock { shared in
            defer { shared.isStarted = true }
            return !shared.isStarted && shared.outcome == nil
        }
        if isFirst { ask() }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let next: Next? = shared.withLock { shared in
                    if let next = StreamFeed.takeNext(&shared) { return next }
                    precondition(shared.reader == nil, "two tasks read one stream at a time")
                    shared.reader = continuation
                    return nil
                }
                if let next { continuation.resume(returning: next) }
                creditIfDue()
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the stream from the reader's side; what is buffered is dropped.
    func cancel() {
        let (wasUnderWay, reader) = shared.withLock { shared in
            let wasUnderWay = shared.isStarted && shared.outcome == nil
            if shared.outcome == nil || !shared.batches.isEmpty { shared.outcome = .failure(ClientError(.cancelled)) }
            shared.batches.removeAll()
            return (wasUnderWay, shared.reader.take())
        }
        reader?.resume(returning: .failure(ClientError(.cancelled)))
        guard wasUnderWay else { return }
        core.eventLoop.execute { [self] in
            if let request { core.cancel(request) }
        }
    }

    private static func takeNext(_ shared: inout Shared) -> Next? {
        if let batch = shared.batches.popFirst() {
            shared.taken += 1
            return .success(.items(batch))
        }
        switch shared.outcome {
        case .success(let end)?: return .success(.end(end))
        case .failure(let error)?: return .failure(error)
        case nil: return nil
        }
    }

    /// Tells the loop of the room that was made, a few frames at a time.
    private func creditIfDue() {
        let isDue = shared.withLock { shared in
            guard shared.outcome == nil, shared.taken >= StreamFeed.window / 2 || shared.batches.isEmpty,
                shared.taken > 0
            else { return false }
            shared.taken = 0
            return true
        }
        guard isDue else { return }
        core.eventLoop.execute { [self] in replenish() }
    }

    // MARK: - The client's loop

    var type: FrameType { query.type }
    var isSatisfied: Bool { query.reachedEnd != nil }

    /// Frames for which there is room and of which the node does not know.
    private var room: Int { StreamFeed.window - shared.withLock(\.batches.count) - outstanding }

    private func replenish() {
        guard let (link, correlation) = request?.inFlight else { return }
        let room = room
        guard room >= StreamFeed.window / 2 || (outstanding == 0 && room > 0) else { return }
        outstanding += room
        link.sendCredit(UInt16(room), for: correlation)
    }

    func encode(deadlineMilliseconds: UInt32, newestWrite: Zookie?, into output: inout ByteWriter) {
        query.beginRequest()
        outstanding = 0
        // Room for at least one, or a node would have no way to say that it is there.
        outstanding = max(room, 1)
        query.encode(
            deadlineMilliseconds: deadlineMilliseconds,
            newestWrite: newestWrite,
            window: UInt16(outstanding),
            into: &output
        )
    }

    func receive(_ type: FrameType, _ payload: UnsafeRawBufferPointer) throws(ByteError) -> FrameStreamProgress {
        if type == query.itemsType {
            guard outstanding > 0 else { return .foreign }
            let items = try query.items(in: payload)
            outstanding -= 1
            deliver(items)
            return .items
        }
        guard type == query.type.answer else { return .foreign }
        switch try query.end(in: payload) {
        case .done(let end): settle(.success(end))
        case .another(let items): if !items.isEmpty { deliver(items) }
        }
        return .ended
    }

    private func deliver(_ items: [Item]) {
        // An empty frame makes nobody wake, but its room is free again.
        guard !items.isEmpty else { return replenish() }
        let reader = shared.withLock { shared -> UnsafeContinuation<Next, Never>? in
            guard shared.outcome == nil else { return nil }
            guard let reader = shared.reader.take() else {
                shared.batches.append(items)
                return nil
            }
            shared.taken += 1
            return reader
        }
        reader?.resume(returning: .success(.items(items)))
    }

    /// One request of the stream ended, for good or to be followed by another.
    private func finished(_ outcome: Outcome) {
        request = nil
        switch outcome {
        case .failure(let error): settle(.failure(error))
        case .success:
            if let end = query.reachedEnd { settle(.success(end)) }
            if shared.withLock({ $0.outcome == nil }) { ask() }
        }
    }

    /// Ends the stream, if it has not ended.
    private func settle(_ outcome: Result<End, ClientError>) {
        let reader = shared.withLock { shared -> UnsafeContinuation<Next, Never>? in
            guard shared.outcome == nil else { return nil }
            shared.outcome = outcome
            return shared.reader.take()
        }
        reader?.resume(returning: outcome.map { .end($0) })
    }
}

/// What a stream hands to its reader at a time.
enum StreamPiece<Item: Sendable, End: Sendable>: Sendable {
    /// Some items, at least one.
    case items([Item])
    /// Nothing more.
    case end(End)
}
