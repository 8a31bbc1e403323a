// Pemba: one connection of the client to a node.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaTLS
import PembaTransport
import PembaWire

/// What is in flight on a connection.
enum InFlight {
    /// A call of the client.
    case request(ClientRequest)
    /// A check of a pipeline, and the caller's name for it.
    case pipeline(CheckPipeline, token: UInt64)
}

/// One connection to a node, replaced whenever it breaks.
///
/// `@unchecked Sendable`: confined to the client's event loop; the transport makes it a delegate through a closure that
/// must be sendable and is called on that loop.
final class NodeLink: ConnectionDelegate, @unchecked Sendable {
    private enum State {
        /// There is no connection.
        case idle
        /// TCP and TLS are under way.
        case connecting
        /// `hello` is sent.
        case greeting
        /// Requests may be sent.
        case ready
        /// The node takes no new requests.
        case leaving
    }

    /// What every frame touches.
    private struct Hot {
        /// What is in flight.
        var table = CorrelationTable<InFlight>(capacity: Int(UInt16.max) + 1)
        /// When the last frame arrived, or when something was first in flight after nothing was.
        var lastSign: UInt64 = 0
        var isAskedForSign = false
    }

    /// After so long without a frame while something is in flight, the node is asked whether it lives; after as long
    /// again it is taken for dead.
    static let silenceMax = TimeSpan.seconds(1)
    /// How often an idle connection says that it lives.
    private static let pingInterval = Duration.seconds(20)
    /// Pauses between attempts to connect: the first, doubled each time up to the longest.
    private static let pauses = (first: TimeSpan.milliseconds(50), longest: TimeSpan.seconds(2))

    let core: ClientCore
    let endpoint: Endpoint
    private var state = State.idle
    private(set) var connection: Connection?
    private var limits = ConnectionLimits()
    /// Behind a pointer because each access to a property of a class is checked for overlap at run time, for every check.
    private let hot: UnsafeMutablePointer<Hot>
    private var failures: UInt64 = 0
    /// Whether the node sent `goAway` on the connection.
    private var wasSentAway = false
    /// The error with which the node ended the connection, before it closed.
    private var refusal: ServiceError?
    private var timer: Scheduled<Void>?
    private var keepAlive: RepeatedTask?

    init(core: ClientCore, endpoint: Endpoint) {
        self.core = core
        self.endpoint = endpoint
        hot = .allocate(capacity: 1)
        hot.initialize(to: Hot())
    }

    deinit {
        hot.deinitialize(count: 1)
        hot.deallocate()
    }

    /// What is in flight.
    var table: CorrelationTable<InFlight> {
        _read { yield hot.pointee.table }
        _modify { yield &hot.pointee.table }
    }

    /// Whether requests may be sent.
    var isReady: Bool { state == .ready }
    /// Whether there is a connection, or is about to be.
    var isConnected: Bool { connection != nil }
    /// Whether the outcome of connecting is still open.
    var isPending: Bool { state == .connecting || state == .greeting }
    /// Whether as much is in flight as the node allows.
    var isFull: Bool { table.count >= Int(limits.requestsInFlight) }
    /// How much is in flight.
    var inFlightCount: Int { table.count }

    // MARK: - Connecting

    func connect() {
        guard state == .idle, !core.isShutDown else { return }
        timer?.cancel()
        state = .connecting
        refusal = nil
        let context = core.context
        Connector.connect(
            to: endpoint.address,
            tls: context.tls,
            expecting: .node(of: context.configuration.cluster, id: nil),
            options: context.options,
            on: core.eventLoop,
            logger: core.logger,
            makeDelegate: { [self] _ in self }
        )
        .whenFailure { [self] error in
            // A connection that was open reports its end itself.
            guard state == .connecting else { return }
            let failure = (error as? TransportError) ?? .lost(reason: String(describing: error))
            disconnected(.transport(failure.description), isPermanent: NodeLink.isPermanent(failure))
        }
    }

    func connectionDidOpen(_ connection: Connection) {
        guard !core.isShutDown else { return connection.close() }
        self.connection = connection
        state = .greeting
        FrameWriter.frame(type: .hello, correlation: 0, into: &connection.output) {
            core.context.hello.encode(into: &$0)
        }
        timer = core.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(ClientContext.helloTimeout)) { [self] in
            if state == .greeting { connection.close(.lost(reason: "the node did not answer the hello frame")) }
        }
    }

    private func greeted(_ payload: UnsafeRawBufferPointer) throws(ByteError) {
        let answer = try HelloAnswer(decoding: payload)
        guard state == .greeting else { return violated("a second helloAnswer") }
        timer?.cancel()
        state = .ready
        failures = 0
        limits = answer.limits
        let interval = TimeAmount.milliseconds(
            min(Int64(NodeLink.pingInterval / .milliseconds(1)), max(Int64(limits.idleTimeoutMilliseconds) / 3, 100))
        )
        keepAlive = core.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [self] _ in ping() }
        core.linkIsReady(self, answer)
    }

    private func ping() {
        guard let connection else { return }
        FrameWriter.frame(type: .ping, correlation: 1, into: &connection.output) { Ping(token: 1).encode(into: &$0) }
        connection.flush()
    }

    // MARK: - Sending

    /// Sends a request.
    ///
    /// Requires that the link is ready and not full.
    func send(_ request: ClientRequest) {
        guard let connection, state == .ready else {
            preconditionFailure("a request was sent on a link that is not ready")
        }
        let now = NIODeadline.now()
        let left = max((request.deadline - now).nanoseconds, 0)
        guard let correlation = insert(.request(request), now: now, expiry: request.deadline.uptimeNanoseconds) else {
            preconditionFailure("a request was sent on a full link")
        }
        let start = FrameWriter.begin(type: request.operation.type, correlation: correlation, into: &connection.output)
        if let key = request.key, let session = request.session { request.key = session.refreshed(key) }
        request.operation.encode(
            deadlineMilliseconds: NodeLink.wireDeadline(left),
            key: request.key,
            newestWrite: core.newestWrite,
            into: &connection.output
        )
        let length = FrameWriter.payloadLength(of: start, in: connection.output)
        guard length <= Int(limits.framePayloadBytes) else {
            FrameWriter.abandon(start, in: &connection.output)
            _ = table.remove(correlation)
            let message = "the request has \(length) bytes, and at most \(limits.framePayloadBytes) are allowed"
            return core.finish(request, .failure(request.error(.service(ServiceError(.limitExceeded, message)))))
        }
        FrameWriter.end(start, in: &connection.output)
        request.attempts += 1
        request.inFlight = (self, correlation)
        connection.flush()
    }

    /// When the answers that are handled now were read, or the last ones.
    var lastArrival: NIODeadline { .uptimeNanoseconds(hot.pointee.lastSign) }

    /// Sends a check of a pipeline; false if that is not possible now.
    func send(
        _ check: EncodedCheck,
        _ consistency: Consistency,
        timeout: (milliseconds: UInt32, nanoseconds: UInt64),
        for pipeline: CheckPipeline,
        token: UInt64
    ) -> Bool {
        guard let connection, state == .ready, !isFull else { return false }
        let now = table.count == 0 ? NIODeadline.now() : .uptimeNanoseconds(hot.pointee.lastSign)
        let expiry = now.uptimeNanoseconds + timeout.nanoseconds
        guard let correlation = insert(.pipeline(pipeline, token: token), now: now, expiry: expiry) else {
            return false
        }
        FrameWriter.check(
            check,
            consistency: consistency,
            deadlineMilliseconds: timeout.milliseconds,
            correlation: correlation,
            into: &connection.output
        )
        connection.flush()
        return true
    }

    private func insert(_ entry: InFlight, now: NIODeadline, expiry: UInt64) -> UInt64? {
        if table.count == 0 {
            hot.pointee.lastSign = now.uptimeNanoseconds
            core.armSweep()
        }
        return table.insert(entry, expiry: expiry)
    }

    /// What the node is told of the time that is left: a little less, so that its answer is here in time.
    private static func wireDeadline(_ nanoseconds: Int64) -> UInt32 {
        let margin = min(nanoseconds / 8, 50_000_000)
        return UInt32(clamping: max((nanoseconds - margin) / 1_000_000, 1))
    }

    /// Nobody waits for the answer any more.
    func forget(_ correlation: UInt64) {
        guard case .request(let request)? = table.remove(correlation), case .stream = request.operation else { return }
        sendCancel(correlation)
    }

    // MARK: - Receiving

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        // Expiries and silence are judged by it, to the precision of a sweep.
        hot.pointee.lastSign = connection.burstTime.uptimeNanoseconds
        hot.pointee.isAskedForSign = false
        do throws(ByteError) {
            switch header.type {
            case .checkAnswer: try checked(header.correlation, payload)
            case .error: try failed(header.correlation, try ErrorFrame(decoding: payload).serviceError)
            case .helloAnswer: try greeted(payload)
            case .ping:
                let ping = try Ping(decoding: payload)
                FrameWriter.frame(type: .pong, correlation: header.correlation, into: &connection.output) {
                    ping.encode(into: &$0)
                }
            case .goAway: leave(try GoAway(decoding: payload))
            // A frame of a later version; nothing waits for it.
            case nil, .pong?: break
            case let type?: try answered(type, header.correlation, payload)
            }
        } catch {
            violated("an unreadable frame of type \(header.typeNumber): \(error)")
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {
        if state == .leaving, table.count == 0 { connection.close() }
    }

    private func checked(_ correlation: UInt64, _ payload: UnsafeRawBufferPointer) throws(ByteError) {
        // Read before anything is taken out: what cannot be read ends the connection and everything in flight with it.
        let answer = try CheckAnswer(decoding: payload)
        switch table.remove(correlation) {
        case .pipeline(let pipeline, let token)?: pipeline.handler(token, .success(answer))
        case .request(let request)?:
            if request.operation.type == .check { return core.finish(request, .success(.check(answer))) }
            core.lost(request, .transport("the node answered something else"), by: endpoint)
            violated("a frame of type checkAnswer as the answer to \(request.operation.type)")
        case nil: break
        }
    }

    private func answered(
        _ type: FrameType,
        _ correlation: UInt64,
        _ payload: UnsafeRawBufferPointer
    ) throws(ByteError) {
        // Answers to what was given up come and are dropped.
        guard case .request(let request)? = table.entry(correlation) else { return }
        if case .stream(let stream) = request.operation {
            return try streamed(request, stream, type, correlation, payload)
        }
        guard let answer = try request.operation.decode(type, payload) else {
            return violated("a frame of type \(type) as the answer to \(request.operation.type)")
        }
        _ = table.remove(correlation)
        core.finish(request, .success(answer))
    }

    private func failed(_ correlation: UInt64, _ error: ServiceError) throws(ByteError) {
        guard correlation != 0 else {
            refusal = error
            return
        }
        switch table.remove(correlation) {
        case .request(let request)?: core.refused(request, error, by: endpoint)
        case .pipeline(let pipeline, let token)?: pipeline.handler(token, .failure(ClientError(.service(error))))
        case nil: break
        }
    }

    private func leave(_ notice: GoAway) {
        guard state == .ready else { return }
        state = .leaving
        wasSentAway = true
        core.linkIsGone(self)
        core.leaderIs(notice.leader)
        // What is in flight is answered; meanwhile the node may be restarted, which the next connection will find out.
    }

    func violated(_ what: String) {
        abandon(.ended(reason: "the node broke the protocol: \(what)"))
    }

    /// Sends nothing more here and closes the connection, which ends what is in flight.
    private func abandon(_ error: TransportError) {
        if state == .ready {
            state = .leaving
            core.linkIsGone(self)
        }
        connection?.close(error)
    }

    // MARK: - The end

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        self.connection = nil
        if let refusal {
            disconnected(.service(refusal), isPermanent: refusal.code.retry == .never)
        } else {
            let text = error?.description ?? "the node closed the connection"
            disconnected(.transport(text), isPermanent: error.map(NodeLink.isPermanent) ?? false)
        }
    }

    /// Ends the connection, and with it everything in flight, as `core.shutDown` wants it.
    func close() {
        timer?.cancel()
        connection?.close()
    }

    private func disconnected(_ reason: ClientError.Reason, isPermanent: Bool) {
        timer?.cancel()
        keepAlive?.cancel()
        keepAlive = nil
        hot.pointee.isAskedForSign = false
        let wasGreeted = state == .ready || state == .leaving
        state = .idle
        if !wasGreeted {
            endpoint.failure = reason
            endpoint.failureIsPermanent = isPermanent
        }
        core.linkIsGone(self)
        let address = endpoint.address
        for entry in table.removeAll() {
            switch entry {
            case .request(let request): core.lost(request, reason, by: endpoint)
            case .pipeline(let pipeline, let token):
                let text = "\(address): \(ClientError(reason).description)"
                pipeline.handler(token, .failure(ClientError(.transport(text))))
            }
        }
        guard !core.isShutDown else { return core.linkIsClosed() }
        // A node that said it is going needs a while to come back.
        failures = wasSentAway ? 10 : failures + 1
        wasSentAway = false
        let pause = min(
            NodeLink.pauses.first.nanoseconds << min(failures - 1, 10),
            NodeLink.pauses.longest.nanoseconds
        )
        let jittered = Int64(UInt64.random(in: (pause / 2)...pause))
        timer = core.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(jittered)) { [self] in connect() }
        core.connectingFailed()
    }

    /// Whether connecting again cannot help unless somebody changes something.
    private static func isPermanent(_ error: TransportError) -> Bool {
        guard case .tls(let error) = error else { return false }
        switch error {
        case .truncated, .brokenStream, .library, .handshakeFailed: return false
        default: return true
        }
    }

    // MARK: - Time

    /// Ends what has expired, and takes a node for dead that does not even answer a ping.
    func sweep(_ now: UInt64) {
        guard connection != nil else { return }
        for entry in table.removeExpired(at: now) {
            switch entry {
            case .request(let request): core.expired(request)
            case .pipeline(let pipeline, let token): pipeline.handler(token, .failure(ClientError(.deadlineExceeded)))
            }
        }
        guard table.count > 0, now > hot.pointee.lastSign + NodeLink.silenceMax.nanoseconds else { return }
        hot.pointee.lastSign = now
        if hot.pointee.isAskedForSign {
            abandon(.lost(reason: "the node answered neither requests nor a ping"))
        } else {
            hot.pointee.isAskedForSign = true
            ping()
        }
    }
}
