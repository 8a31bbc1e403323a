// Pemba: the client behind its interface, on one event loop.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Logging
import NIOCore
import PembaTransport
import PembaWire

/// Everything that a client does: connections, routing, sessions and second attempts, on one event loop.
///
/// A request is either with a link (in flight), parked (waiting for a connection or its next attempt), or with the
/// session (waiting for a key); in each place its deadline is looked at by `sweep`.
///
/// `@unchecked Sendable`: confined to `eventLoop`, except `submit`, which any thread may call and which touches
/// only the queue.
final class ClientCore: @unchecked Sendable {
    /// How often deadlines are looked at while anything waits or is in flight.
    private static let sweepInterval = TimeAmount.milliseconds(10)
    /// A session that has not been used for so long is replaced, well before the cluster forgets it.
    private static let sessionIdleMax = TimeSpan(nanoseconds: Limits.clientSessionLifetime.nanoseconds / 2)

    let eventLoop: SocketLoop
    let context: ClientContext
    let logger: Logger
    private let queue: SubmissionQueue

    /// The configured endpoints, and after them the leaders that were found elsewhere.
    private(set) var endpoints: [Endpoint] = []
    /// Links that take requests.
    var readyLinks: [NodeLink] = []
    private var nextReady = 0
    private var members: [MemberAddress] = []
    private var leader: NodeID?
    /// The newest write that this client knows to be acknowledged.
    private(set) var newestWrite: Zookie?
    var session = ClientSession()
    /// Requests that wait for a connection or for their next attempt.
    private var parked = Deque<ClientRequest>()
    /// Requests that are not finished.
    private var active = 0
    private var isSweepArmed = false
    private(set) var isShutDown = false
    private var onIdle: (() -> Void)?
    var pipelineWaiters: [PipelineWaiter] = []

    init(_ context: ClientContext, queue: SubmissionQueue, on eventLoop: SocketLoop, logger: Logger) {
        self.context = context
        self.queue = queue
        self.eventLoop = eventLoop
        self.logger = logger
    }

    var policy: ClientConfiguration.RetryPolicy { context.configuration.retry }

    // MARK: - Requests come in

    /// Takes a request from any thread.
    func submit(_ request: ClientRequest) {
        if eventLoop.inEventLoop {
            accept(request)
        } else if queue.push(request) {
            eventLoop.execute { self.queue.drain { self.accept($0) } }
        }
    }

    private func accept(_ request: ClientRequest) {
        request.isAccepted = true
        guard !request.isCancelled else { return request.finish(.failure(ClientError(.cancelled))) }
        guard !isShutDown else { return request.finish(.failure(ClientError(.shutDown))) }
        guard active < context.configuration.requestsInFlight else {
            return request.finish(.failure(ClientError(.tooManyRequests)))
        }
        active += 1
        start()
        prepare(request)
    }

    /// Gives a write its key, then sends it.
    private func prepare(_ request: ClientRequest) {
        guard request.operation.needsKey else {
            request.key = request.operation.givenKey
            return dispatch(request)
        }
        let now = NIODeadline.now().uptimeNanoseconds
        if session.id != nil, now > session.lastUse + ClientCore.sessionIdleMax.nanoseconds, session.lastUse > 0 {
            session = ClientSession()
        }
        session.waiting.append(request)
        giveKeys(of: session)
    }

    func giveKeys(of session: ClientSession) {
        if session.id == nil { open(session) }
        let now = NIODeadline.now().uptimeNanoseconds
        while let request = session.waiting.first {
            if !request.isFinished {
                guard let key = session.makeKey(now: now) else { return armSweep() }
                request.key = key
                request.session = session
            }
            session.waiting.removeFirst()
            if !request.isFinished { dispatch(request) }
        }
    }

    private func open(_ session: ClientSession) {
        guard !session.isOpening, let deadline = session.waiting.map(\.deadline).max() else { return }
        session.isOpening = true
        let request = ClientRequest(
            .openSession,
            deadline: deadline,
            waiter: .callback { [self] outcome in
                session.isOpening = false
                switch outcome {
                case .success(.session(let id)):
                    session.id = id
                    giveKeys(of: session)
                case .success: preconditionFailure("a session was answered with something else")
                case .failure(let error):
                    let waiting = session.waiting
                    session.waiting.removeAll()
                    // Writes that came later may have more time: they ask for a session of their own accord.
                    let isLate = deadline <= .now()
                    for request in waiting {
                        if isLate, request.deadline > deadline, !isShutDown {
                            session.waiting.append(request)
                        } else {
                            finish(request, .failure(request.error(error.reason)))
                        }
                    }
                    if !session.waiting.isEmpty { giveKeys(of: session) }
                }
            }
        )
        active += 1
        dispatch(request)
    }

    func dispatch(_ request: ClientRequest) {
        guard let link = link(for: request) else { return park(request) }
        link.send(request)
    }

    func park(_ request: ClientRequest) {
        if let failure = permanentFailure(for: request) { return finish(request, .failure(request.error(failure))) }
        parked.append(request)
        armSweep()
    }

    // MARK: - Where requests go

    private func link(for request: ClientRequest) -> NodeLink? {
        if let endpoint = request.endpoint { return endpoints[endpoint].links.first { $0.isReady && !$0.isFull } }
        if request.operation.prefersLeader, let leader {
            let link = readyLinks.first { $0.endpoint.node == leader && !$0.isFull }
            if let link, link.endpoint.index != request.failedEndpoint { return link }
        }
        var second: NodeLink?
        for _ in readyLinks.indices {
            nextReady = nextReady + 1 < readyLinks.count ? nextReady + 1 : 0
            let link = readyLinks[nextReady]
            if link.isFull { continue }
            if link.endpoint.index != request.failedEndpoint { return link }
            second = link
        }
        return second
    }

    /// Why no endpoint that the request may go to will ever take it; nil while there is hope.
    private func permanentFailure(for request: ClientRequest) -> ClientError.Reason? {
        let candidates = request.endpoint.map { [endpoints[$0]] } ?? endpoints
        let isHopeless = candidates.allSatisfy { endpoint in
            endpoint.failureIsPermanent && !endpoint.links.contains { $0.isReady || $0.isPending }
        }
        return isHopeless ? candidates.first?.failure : nil
    }

    /// Takes note of who leads; connects there if no endpoint is that node.
    func leaderIs(_ node: NodeID?) {
        guard let node else { return }
        leader = node
        connectToLeader()
    }

    /// Connects to the leader, if it is at none of the endpoints.
    ///
    /// Asked again whenever more is known: who is at an endpoint, or where the leader is reached.
    private func connectToLeader() {
        guard let node = leader, !isShutDown, context.configuration.connectsToLeader,
            !endpoints.contains(where: { $0.node == node }),
            // While an endpoint has not said who it is, it may be the one.
            endpoints.allSatisfy({ $0.node != nil || $0.failure != nil }),
            let member = members.first(where: { $0.node == node }),
            let address = try? NetworkAddress(parsing: member.clientAddress),
            !endpoints.contains(where: { $0.address == address })
        else { return }
        add(address)
    }

    private func add(_ address: NetworkAddress) {
        let endpoint = Endpoint(index: endpoints.count, address: address)
        for _ in 0..<context.configuration.connectionsPerEndpoint {
            endpoint.links.append(NodeLink(core: self, endpoint: endpoint))
        }
        endpoints.append(endpoint)
        for link in endpoint.links { link.connect() }
    }

    func start() {
        guard endpoints.isEmpty else { return }
        for address in context.configuration.endpoints { add(address) }
    }

    // MARK: - What links report

    func linkIsReady(_ link: NodeLink, _ answer: HelloAnswer) {
        link.endpoint.node = answer.node
        link.endpoint.failure = nil
        link.endpoint.failureIsPermanent = false
        // A node that knows no leader may have been away, or removed, and know only who the members were.
        if answer.leader != nil || members.isEmpty { members = answer.members }
        readyLinks.append(link)
        // After a restore or recovery, what was written in an older epoch may be gone, and its zookies are refused.
        if let newest = newestWrite, newest.epoch < answer.epoch { newestWrite = nil }
        leaderIs(answer.leader ?? leader)
        unpark()
        servePipelines()
    }

    func linkIsGone(_ link: NodeLink) { readyLinks.removeAll { $0 === link } }

    /// An attempt to connect failed: whoever has nothing left to hope for is told.
    func connectingFailed() {
        connectToLeader()
        guard parked.contains(where: { permanentFailure(for: $0) != nil }) || !pipelineWaiters.isEmpty else { return }
        unpark()
        servePipelines()
    }

    // MARK: - The end of requests

    /// Ends a request once.
    func finish(_ request: ClientRequest, _ outcome: Outcome) {
        guard !request.isFinished else { return }
        active -= 1
        if case .success(let answer) = outcome, let (zookie, leader) = answer.written {
            if newestWrite.map({ ($0.epoch, $0.revision) < (zookie.epoch, zookie.revision) }) ?? true {
                newestWrite = zookie
            }
            leaderIs(leader)
        }
        if let session = request.session, let key = request.key {
            if case .failure(let error) = outcome, !error.outcomeIsKnown {
                session.abandon(key.sequence)
            } else {
                session.complete(key.sequence)
            }
            request.finish(outcome)
            if !session.waiting.isEmpty { giveKeys(of: session) }
        } else {
            request.finish(outcome)
        }
    }

    /// The task that waits was cancelled.
    func cancel(_ request: ClientRequest) {
        request.isCancelled = true
        guard request.isAccepted, !request.isFinished else { return }
        if let (link, correlation) = request.inFlight {
            link.forget(correlation)
            if request.operation.changesState { request.isInDoubt = true }
        }
        finish(request, .failure(request.error(.cancelled)))
    }

    // MARK: - Time

    /// Looks at deadlines from now on, until nothing waits any more.
    func armSweep() {
        guard !isSweepArmed else { return }
        isSweepArmed = true
        _ = eventLoop.assumeIsolated().scheduleTask(in: ClientCore.sweepInterval) { self.sweep() }
    }

    private func sweep() {
        isSweepArmed = false
        let now = NIODeadline.now()
        var inFlight = 0
        for endpoint in endpoints {
            for link in endpoint.links {
                link.sweep(now.uptimeNanoseconds)
                inFlight += link.inFlightCount
            }
        }
        for request in session.waiting where request.deadline <= now {
            finish(request, .failure(request.error(.deadlineExceeded)))
        }
        session.waiting.removeAll { $0.isFinished }
        unpark()
        servePipelines()
        if inFlight > 0 || !parked.isEmpty || !session.waiting.isEmpty || !pipelineWaiters.isEmpty { armSweep() }
    }

    /// Sends what is parked and can go now, and ends what has waited too long.
    private func unpark() {
        let now = NIODeadline.now()
        // What cannot go yet is parked again behind the others; each is looked at once.
        for _ in 0..<parked.count {
            guard let request = parked.popFirst() else { return }
            if request.isFinished { continue }
            if request.deadline <= now {
                finish(request, .failure(request.error(waitedInVain(request))))
            } else if request.notBefore <= now {
                dispatch(request)
            } else {
                park(request)
            }
        }
    }

    /// Why a request that waited until its deadline got nowhere.
    private func waitedInVain(_ request: ClientRequest) -> ClientError.Reason {
        if case .service(let error)? = request.lastFailure { return .service(error) }
        let candidates = request.endpoint.map { [endpoints[$0]] } ?? endpoints
        if readyLinks.isEmpty, let failure = candidates.compactMap(\.failure).first { return failure }
        return .deadlineExceeded
    }

    // MARK: - Shutting down

    /// Ends every request and connection; `completion` is called once all are gone.
    func shutDown(_ completion: @escaping () -> Void) {
        precondition(!isShutDown, "a client is shut down once")
        isShutDown = true
        queue.drain { $0.finish(.failure(ClientError(.shutDown))) }
        while let request = session.waiting.popFirst() { finish(request, .failure(request.error(.shutDown))) }
        while let request = parked.popFirst() { finish(request, .failure(request.error(.shutDown))) }
        for waiter in pipelineWaiters { waiter.body(.failure(ClientError(.shutDown))) }
        pipelineWaiters.removeAll()
        onIdle = completion
        for endpoint in endpoints {
            for link in endpoint.links { link.close() }
        }
        linkIsClosed()
    }

    /// A connection is gone after `shutDown`.
    func linkIsClosed() {
        guard let onIdle, !endpoints.contains(where: { $0.links.contains(where: \.isConnected) }) else { return }
        self.onIdle = nil
        // Breaks the cycles between the core, its endpoints and their links.
        endpoints.removeAll()
        readyLinks.removeAll()
        onIdle()
    }
}
