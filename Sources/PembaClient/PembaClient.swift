// Pemba: the client library.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import NIOCore
import PembaTransport
import Synchronization

/// A client of a Pemba cluster.
///
/// One client serves a whole process: it keeps a few connections open, sends requests without waiting for the answers
/// of others, and finds another node when one fails. All methods may be called from anywhere, as often as wanted at a
/// time. Call ``shutdown()`` when done.
///
/// **Second attempts.** Reads are tried again, at other nodes, until they are answered or their deadline has passed. Writes
/// carry an idempotency key of the client's session, so they are tried again too and still done once. A write without a
/// key is not repeated once it may have been done: it ends with an error whose ``ClientError/outcomeIsKnown`` is false.
///
/// **Consistency.** Every answer carries a zookie. Without a consistency given, a read is at least as fresh as the newest
/// write that was acknowledged to this client.
public final class PembaClient: Sendable {
    private let core: ClientCore
    private let queue: SubmissionQueue
    let configuration: ClientConfiguration
    /// Set before the last drain of the queue: whoever pushes afterwards sees it and drains the queue.
    private let isShutDown = Atomic<Bool>(false)
    /// The session of the keys that callers ask for; touched once for each such key.
    let manualSession = Mutex<ManualSession?>(nil)

    /// Reads the certificates and keys, and connects with the first request.
    ///
    /// - Throws: ``ClientError`` with the reason `configuration` if a file cannot be read or something does not fit.
    public init(
        configuration: ClientConfiguration,
        logger: Logger = Logger(label: "pemba.client", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws(ClientError) {
        let context = try ClientContext(configuration)
        let loop: SocketLoop
        do throws(TransportError) {
            loop = try SocketLoop(name: "pemba-client")
        } catch {
            throw ClientError(.configuration(error.description))
        }
        queue = SubmissionQueue()
        core = ClientCore(context, queue: queue, on: loop, logger: logger)
        self.configuration = configuration
    }

    deinit { if !isShutDown.load(ordering: .sequentiallyConsistent) { beginShutdown {} } }

    /// How many endpoints are configured.
    var endpointCount: Int { configuration.endpoints.count }

    /// The event loop that the client lives on: one thread of its own.
    public var eventLoop: any EventLoop { core.eventLoop }

    /// Closes all connections; every call that still waits ends with `shutDown`.
    ///
    /// May be called more than once.
    public func shutdown() async {
        await withUnsafeContinuation { continuation in
            beginShutdown { continuation.resume() }
        }
    }

    private func beginShutdown(_ completion: @escaping @Sendable () -> Void) {
        guard !isShutDown.exchange(true, ordering: .sequentiallyConsistent) else { return completion() }
        core.eventLoop.execute { [core, queue] in
            core.shutDown {
                core.eventLoop.stop {
                    PembaClient.refuseAll(queue)
                    completion()
                }
            }
        }
    }

    private static func refuseAll(_ queue: SubmissionQueue) {
        queue.drain { $0.finish(.failure(ClientError(.shutDown))) }
    }

    /// Hands the client's connections to code that runs on its event loop, one pipeline for each.
    ///
    /// Waits until every connection to every configured endpoint is there.
    ///
    /// - Parameter body: called on ``eventLoop``; the pipelines may be kept, and used on that loop only.
    public func withCheckPipelines(
        _ body: @escaping @Sendable ([CheckPipeline]) -> Void
    ) async throws(ClientError) {
        guard !isShutDown.load(ordering: .sequentiallyConsistent) else { throw ClientError(.shutDown) }
        let deadline = NIODeadline.now() + TimeAmount(configuration.timeout)
        let result: Result<Void, ClientError> = await withUnsafeContinuation { continuation in
            let waiter = PipelineContinuation(continuation)
            core.eventLoop.execute { [core] in
                core.withPipelines(deadline: deadline) { result in waiter.resume(result.map { body($0) }) }
            }
        }
        try result.get()
    }

    /// A stream that nobody has asked for yet.
    func feed<Item, End>(of query: any StreamQuery<Item, End>, timeout: Duration?) -> StreamFeed<Item, End> {
        StreamFeed(query, patience: TimeAmount(timeout ?? configuration.timeout), core: core) { [self] request in
            guard !isShutDown.load(ordering: .sequentiallyConsistent) else {
                return request.finish(.failure(ClientError(.shutDown)))
            }
            core.submit(request)
            // Whoever shut the client down may have looked at the queue before the request was in it.
            if isShutDown.load(ordering: .sequentiallyConsistent) { PembaClient.refuseAll(queue) }
        }
    }

    /// Performs one operation with all its attempts.
    func perform(_ operation: Operation, timeout: Duration?) async throws(ClientError) -> Answer {
        try await outcome(of: operation, timeout: timeout).get()
    }

    /// Performs one operation with all its attempts, at one endpoint if one is given.
    func outcome(of operation: Operation, timeout: Duration?, endpoint: Int? = nil) async -> Outcome {
        guard !isShutDown.load(ordering: .sequentiallyConsistent) else { return .failure(ClientError(.shutDown)) }
        let deadline = NIODeadline.now() + TimeAmount(timeout ?? configuration.timeout)
        let request = ClientRequest(operation, deadline: deadline, endpoint: endpoint)
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                request.wait(continuation)
                core.submit(request)
                // Whoever shut the client down may have looked at the queue before the request was in it.
                if isShutDown.load(ordering: .sequentiallyConsistent) { PembaClient.refuseAll(queue) }
            }
        } onCancel: {
            core.eventLoop.execute { [core] in core.cancel(request) }
        }
    }
}

/// Resumes its continuation once: at the latest when nothing refers to it any more, as when the event loop is gone.
///
/// `@unchecked Sendable`: made by the caller, handed to the loop once, and from then on used by it alone.
private final class PipelineContinuation: @unchecked Sendable {
    private var continuation: UnsafeContinuation<Result<Void, ClientError>, Never>?

    init(_ continuation: UnsafeContinuation<Result<Void, ClientError>, Never>) { self.continuation = continuation }

    deinit { continuation?.resume(returning: .failure(ClientError(.shutDown))) }

    func resume(_ result: Result<Void, ClientError>) {
        continuation.take()?.resume(returning: result)
    }
}
