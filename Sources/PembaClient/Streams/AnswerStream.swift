// Pemba: answers that come item by item.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaWire

/// An answer that comes item by item, as fast as it is read and no faster.
///
/// Each iteration asks anew. When a connection breaks or a node goes, the iteration goes on at another node after the
/// last item that was handed out, at the same revision: nothing is left out and nothing comes twice. It throws when no
/// node takes it on within the call's timeout. Leaving the loop, or cancelling its task, ends it at the node too.
public struct AnswerStream<Element: Sendable, End: Sendable>: AsyncSequence, Sendable {
    /// What an iteration throws.
    public typealias Failure = ClientError

    let client: PembaClient
    let query: any StreamQuery<Element, End>
    let timeout: Duration?

    /// Starts asking, with the first item that is wanted.
    public func makeAsyncIterator() -> Iterator { Iterator(client.feed(of: query, timeout: timeout)) }

    /// Hands out the items.
    public struct Iterator: AsyncIteratorProtocol {
        private let lease: StreamLease<Element, End>
        private var batch: [Element] = []
        private var position = 0

        /// How the answer ended, once `next` has returned nil.
        public private(set) var end: End?

        init(_ feed: StreamFeed<Element, End>) { lease = StreamLease(feed) }

        /// The next item; nil after the last.
        public mutating func next() async throws(ClientError) -> Element? { try await next(isolation: nil) }

        /// The next item; nil after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ClientError) -> Element? {
            if position == batch.count {
                guard let next = try await fetch(isolation: actor) else { return nil }
                batch = next
                position = 0
            }
            position += 1
            return batch[position - 1]
        }

        /// The next items, as many as came together and were not handed out; nil after the last.
        public mutating func nextBatch(
            isolation actor: isolated (any Actor)? = nil
        ) async throws(ClientError) -> [Element]? {
            guard position == batch.count else {
                defer { position = batch.count }
                return Array(batch[position...])
            }
            return try await fetch(isolation: actor)
        }

        private mutating func fetch(isolation actor: isolated (any Actor)?) async throws(ClientError) -> [Element]? {
            guard end == nil else { return nil }
            switch try await lease.next().get() {
            case .items(let items): return items
            case .end(let end):
                self.end = end
                return nil
            }
        }
    }
}

extension AnswerStream where End == LookupEnd {
    /// What one call to a node gives: at most as many items as the lookup's limit says, and where to go on.
    public func page() async throws(ClientError) -> LookupPage<Element> {
        let call = AnswerStream(client: client, query: query.asOneCall(), timeout: timeout)
        var iterator = call.makeAsyncIterator()
        var items: [Element] = []
        while let batch = try await iterator.nextBatch() { items += batch }
        guard let end = iterator.end else { preconditionFailure("a lookup ended without its end") }
        return LookupPage(items: items, end: end)
    }
}

/// One page of a lookup.
public struct LookupPage<Item: Sendable>: Sendable {
    /// What was found.
    public var items: [Item]
    /// The revision, and where the next page starts.
    public var end: LookupEnd

    /// Makes a page.
    public init(items: [Item], end: LookupEnd) {
        self.items = items
        self.end = end
    }
}

/// An iterator's hold on its stream: when the iterator is gone the stream ends.
private final class StreamLease<Item: Sendable, End: Sendable>: Sendable {
    private let feed: StreamFeed<Item, End>

    init(_ feed: StreamFeed<Item, End>) { self.feed = feed }

    deinit { feed.cancel() }

    func next() async -> StreamFeed<Item, End>.Next { await feed.next() }
}
