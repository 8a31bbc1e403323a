// Pemba: a node that says what a test wants it to say.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaClient
import PembaPKI
import PembaTLS
import PembaTransport
import PembaWire
import Synchronization

/// The certificates of one cluster for tests.
struct TestCluster: Sendable {
    let id: ClusterID
    let authority: [UInt8]
    let nodes: [CertifiedKey]
    let client: CertifiedKey

    static let shared: TestCluster = {
        do {
            return try TestCluster(id: ClusterID(high: 7, low: 8))
        } catch {
            preconditionFailure("no certificates for the tests: \(error)")
        }
    }()

    init(id: ClusterID) throws {
        let authority = try CertificateAuthority.create()
        self.id = id
        self.authority = try authority.certifiedKey().certificatePEM
        nodes = try (1...3).map { try authority.issueNode(NodeID($0), cluster: id, hosts: ["127.0.0.1"]) }
        client = try authority.issueClient("tester", roles: .admin, cluster: id)
    }

    func zookie(_ revision: UInt64) -> Zookie { Zookie(cluster: id, epoch: .first, revision: Revision(revision)) }

    func configuration(_ nodes: [ScriptedNode]) -> ClientConfiguration {
        configuration(addresses: nodes.map(\.address))
    }

    func configuration(addresses: [NetworkAddress]) -> ClientConfiguration {
        ClientConfiguration(
            endpoints: addresses,
            authority: .bytes(authority),
            credentials: .certificate(.bytes(client.certificatePEM), key: .bytes(client.keyPEM))
        )
    }
}

/// A frame that a scripted node received.
struct Received: Sendable {
    let type: FrameType
    /// Which request it is, or which one it is about.
    let correlation: UInt64
    let payload: [UInt8]

    func decode<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) throws -> Value {
        try payload.withUnsafeBytes { try body($0) }
    }

    var key: IdempotencyKey? { (try? decode(WriteRequest.decode))?.request.idempotencyKey }
    var consistency: Consistency? { try? decode { try CheckRequestView(decoding: $0).consistency } }
}

/// What a scripted node does about a request.
enum Reply: Sendable {
    /// Answer with this payload.
    case answer(FrameType, [UInt8])
    /// Answer with an error.
    case error(ServiceError)
    /// Answer with these frames, one after the other.
    case frames([Frame])
    /// Answer with these frames and break the connection.
    case framesAndHangUp([Frame])
    /// Say nothing.
    case silence
    /// Answer once `ScriptedNode.release` is called.
    case hold(FrameType, [UInt8])
    /// Break the connection.
    case hangUp
    /// Send `goAway`, and answer.
    case goAway(FrameType, [UInt8])

    /// A frame: its type and its payload.
    struct Frame: Sendable {
        let type: FrameType
        let payload: [UInt8]

        init(_ type: FrameType, _ body: (inout ByteWriter) -> Void) {
            self.type = type
            payload = Reply.encode(body)
        }

        /// A part of a streamed answer.
        init<Item: StreamItem>(_ items: [Item], _ revision: UInt64 = 1) {
            var writer = ByteWriter()
            let zookie = EncodedZookie(TestCluster.shared.zookie(revision))
            var part = StreamPart<Item>(zookie: zookie, correlation: 0, into: &writer)
            for item in items { precondition(part.append(item, into: &writer), "an item has no room in its frame") }
            precondition(part.end(in: &writer), "a part has an item")
            type = Item.frameType
            payload = Array(writer.bytes[FrameHeader.size...])
        }

        /// An error.
        init(_ error: ServiceError) { self.init(.error) { error.encode(into: &$0) } }
    }

    static func encode(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        body(&writer)
        return writer.bytes
    }

    static func check(_ permissionship: Permissionship, _ revision: UInt64 = 1) -> Reply {
        let zookie = TestCluster.shared.zookie(revision)
        return .answer(
            .checkAnswer,
            encode { CheckAnswer(Decision(permissionship), zookie: zookie).encode(into: &$0) }
        )
    }

    static func session(_ id: UInt64) -> Reply {
        .answer(.openSessionAnswer, encode { OpenSessionAnswer(session: id).encode(into: &$0) })
    }

    static func written(_ revision: UInt64, leader: UInt64? = nil, _ type: FrameType = .writeAnswer) -> Reply {
        let zookie = TestCluster.shared.zookie(revision)
        let leader = leader.map { NodeID($0) }
        guard type == .writeAnswer else {
            return .answer(type, encode { WriteSchemaAnswer(zookie: zookie, leader: leader).encode(into: &$0) })
        }
        let answer = WriteAnswer(counts: WriteCounts(created: 1), zookie: zookie)
        return .answer(type, encode { answer.encode(leader: leader, into: &$0) })
    }
}

/// Counts the requests of each type, for scripts that answer the first otherwise than the next.
final class Counts: Sendable {
    private let counts = Mutex<[FrameType: Int]>([:])

    /// How many there were before.
    func next(_ type: FrameType) -> Int {
        counts.withLock { counts in
            defer { counts[type, default: 0] += 1 }
            return counts[type, default: 0]
        }
    }
}

/// A node of `TestCluster.shared` that answers by script.
///
/// A double of the server's end: real sockets, TLS and frames.
final class ScriptedNode: Sendable {
    typealias Script = @Sendable (Received) -> Reply

    private struct State: Sendable {
        var received: [Received] = []
        var hellos: [Hello] = []
        var held: [@Sendable () -> Void] = []
    }

    let number: UInt64
    let address: NetworkAddress
    let epoch: Epoch
    let leader: UInt64?
    let members: [MemberAddress]
    let helloError: ServiceError?
    let answersPings: Bool
    let limits: ConnectionLimits
    private let script: Script
    private let state = Mutex(State())
    private let listener = Mutex<Listener?>(nil)
    /// Its own, as every node's: what one of them has to do keeps no other waiting.
    private let loop: SocketLoop

    init(
        _ number: UInt64 = 1,
        address: NetworkAddress = NetworkAddress(host: "127.0.0.1", port: 0),
        epoch: Epoch = .first,
        leader: UInt64? = nil,
        members: [MemberAddress] = [],
        helloError: ServiceError? = nil,
        answersPings: Bool = true,
        limits: ConnectionLimits = ConnectionLimits(),
        script: @escaping Script
    ) async throws {
        self.number = number
        self.epoch = epoch
        self.leader = leader
        self.members = members
        self.helloError = helloError
        self.answersPings = answersPings
        self.limits = limits
        self.script = script
        loop = try SocketLoop(name: "scripted-node")
        let cluster = TestCluster.shared
        let own = cluster.nodes[Int(number) - 1]
        let context = try TLSContext(
            role: .server,
            authority: .bytes(cluster.authority, name: "authority"),
            certificate: own.certificate,
            key: own.key
        )
        // The listener is made before `self` is whole, so conversations find their node through a box.
        let box = Mutex<ScriptedNode?>(nil)
        let reference = Reference(box)
        let bound = try Listener(
            Listener.Configuration(address: address, tls: { context }, expecting: .anyone),
            on: loop,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            refusals: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            makeDelegate: { _ in Conversation(reference) }
        )
        self.address = bound.address
        listener.withLock { $0 = bound }
        reference.node.withLock { $0 = self }
    }

    final class Reference: Sendable {
        let node: Mutex<ScriptedNode?>
        init(_ node: consuming Mutex<ScriptedNode?>) { self.node = node }
    }

    func stop() async throws {
        guard let bound = listener.withLock({ $0.take() }) else { return }
        try await bound.close().get()
    }

    /// All requests so far, in order.
    var received: [Received] { state.withLock(\.received) }
    /// All hello frames so far.
    var hellos: [Hello] { state.withLock(\.hellos) }

    func received(_ type: FrameType) -> [Received] { received.filter { $0.type == type } }

    /// Answers everything that is held, the last first.
    func release() {
        let held = state.withLock { state in
            defer { state.held.removeAll() }
            return state.held
        }
        for answer in held.reversed() { answer() }
    }

    var heldCount: Int { state.withLock(\.held.count) }

    fileprivate func note(_ hello: Hello) { state.withLock { $0.hellos.append(hello) } }
    fileprivate func reply(to received: Received) -> Reply {
        state.withLock { $0.received.append(received) }
        return script(received)
    }
    fileprivate func hold(_ answer: @escaping @Sendable () -> Void) { state.withLock { $0.held.append(answer) } }
}

/// One connection to a scripted node.
private final class Conversation: ConnectionDelegate, @unchecked Sendable {
    private let reference: ScriptedNode.Reference

    init(_ reference: ScriptedNode.Reference) { self.reference = reference }

    func connectionDidOpen(_ connection: Connection) {}
    func connectionDidFinishBurst(_ connection: Connection) {}
    func connectionDidClose(_ connection: Connection, error: TransportError?) {}

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        guard let node = reference.node.withLock({ $0 }), let type = header.type else { return }
        let correlation = header.correlation
        switch type {
        case .hello:
            guard let hello = try? Hello(decoding: payload) else { return connection.close() }
            node.note(hello)
            greet(node, connection)
        case .ping:
            guard node.answersPings else { return }
            FrameWriter.frame(type: .pong, correlation: correlation, into: &connection.output) { $0.raw(payload) }
        default:
            let received = Received(type: type, correlation: correlation, payload: Array(payload))
            perform(node.reply(to: received), node, connection, correlation)
        }
    }

    private func greet(_ node: ScriptedNode, _ connection: Connection) {
        if let error = node.helloError {
            FrameWriter.frame(type: .error, correlation: 0, into: &connection.output) { error.encode(into: &$0) }
            return connection.close()
        }
        let answer = HelloAnswer(
            version: 1,
            cluster: TestCluster.shared.id,
            epoch: node.epoch,
            node: NodeID(node.number),
            roles: .admin,
            leader: node.leader.map { NodeID($0) },
            limits: node.limits,
            software: "scripted",
            members: node.members
        )
        FrameWriter.frame(type: .helloAnswer, correlation: 0, into: &connection.output) { answer.encode(into: &$0) }
    }

    private func send(_ frames: [Reply.Frame], _ connection: Connection, _ correlation: UInt64) {
        for frame in frames {
            FrameWriter.frame(type: frame.type, correlation: correlation, into: &connection.output) {
                $0.raw(frame.payload)
            }
        }
    }

    private func perform(_ reply: Reply, _ node: ScriptedNode, _ connection: Connection, _ correlation: UInt64) {
        switch reply {
        case .answer(let type, let payload):
            FrameWriter.frame(type: type, correlation: correlation, into: &connection.output) { $0.raw(payload) }
        case .frames(let frames): send(frames, connection, correlation)
        case .framesAndHangUp(let frames):
            send(frames, connection, correlation)
            connection.close()
        case .error(let error):
            FrameWriter.frame(type: .error, correlation: correlation, into: &connection.output) {
                error.encode(into: &$0)
            }
        case .silence: break
        case .hold(let type, let payload):
            let box = NIOLoopBound((self, connection), eventLoop: connection.loop)
            let eventLoop = connection.loop
            node.hold {
                eventLoop.execute {
                    let connection = box.value.1
                    FrameWriter.frame(type: type, correlation: correlation, into: &connection.output) {
                        $0.raw(payload)
                    }
                    connection.flush()
                }
            }
        case .hangUp: connection.close()
        case .goAway(let type, let payload):
            let notice = GoAway(drainMilliseconds: 1_000, leader: nil, message: "restart")
            FrameWriter.frame(type: .goAway, correlation: 0, into: &connection.output) { notice.encode(into: &$0) }
            FrameWriter.frame(type: type, correlation: correlation, into: &connection.output) { $0.raw(payload) }
        }
    }
}

/// Waits for a condition, looking often, at most ten seconds.
func eventually(_ what: String, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
        guard ContinuousClock.now < deadline else { throw Timeout(what: what) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

struct Timeout: Error {
    let what: String
}

/// Runs `body` with a client and shuts it down afterwards.
func withClient<Result: Sendable>(
    _ configuration: ClientConfiguration,
    _ body: (PembaClient) async throws -> Result
) async throws -> Result {
    let client = try PembaClient(configuration: configuration)
    do {
        let result = try await body(client)
        await client.shutdown()
        return result
    } catch {
        await client.shutdown()
        throw error
    }
}
