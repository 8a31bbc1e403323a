// Pemba: what happened on connections, for tests.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaTLS
import PembaTransport
import PembaWire
import Synchronization
import Testing

/// What connections told their delegates; safe to look at from the test.
final class Recorder: Sendable {
    struct Frame: Equatable {
        var type: UInt8
        var correlation: UInt64
        var payload: [UInt8]
    }

    /// What delegates do with a frame.
    enum Behaviour {
        /// Remember it.
        case record
        /// Send it back.
        case echo
        /// Remember it, send it back and close for a reason of the application.
        case echoAndClose
        /// Answer with so many bytes and remember nothing.
        case flood(bytes: Int)
    }

    struct State {
        var opened = 0
        var identities: [PeerIdentity] = []
        var frames: [Frame] = []
        var bursts = 0
        var closed: [TransportError?] = []
        var connection: NIOLoopBound<Connection>?
    }

    let behaviour: Behaviour
    private let state = Mutex(State())

    init(behaviour: Behaviour) { self.behaviour = behaviour }

    func update(_ body: (inout sending State) -> Void) { state.withLock { body(&$0) } }

    var opened: Int { state.withLock { $0.opened } }
    var identities: [PeerIdentity] { state.withLock { $0.identities } }
    var frames: [Frame] { state.withLock { $0.frames } }
    var bursts: Int { state.withLock { $0.bursts } }
    var closed: [TransportError?] { state.withLock { $0.closed } }

    /// Runs `body` with the last opened connection, on its loop.
    func withConnection<Value: Sendable>(_ body: @escaping @Sendable (Connection) -> Value) async throws -> Value {
        let bound = try #require(state.withLock { $0.connection })
        return try await bound.eventLoop.submit { body(bound.value) }.get()
    }

    /// Sends bytes as they are, which need not be frames.
    func send(_ bytes: [UInt8]) async throws {
        try await withConnection {
            $0.output.raw(bytes)
            $0.flush()
        }
    }

    func send(_ frame: Frame, compressing: Bool = false) async throws {
        try await withConnection {
            $0.append(frame, compressing: compressing)
            $0.flush()
        }
    }

    /// Waits until `condition` holds; the test fails if that takes longer than any machine needs.
    func wait(
        _ what: Comment,
        sourceLocation: SourceLocation = #_sourceLocation,
        until condition: (Recorder) -> Bool
    ) async throws {
        try await eventually(what, sourceLocation: sourceLocation) { condition(self) }
    }
}

/// Waits until `condition` holds; the test fails if that takes longer than any machine needs.
func eventually(
    _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
        try #require(ContinuousClock.now < deadline, what, sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(1))
    }
}

extension Connection {
    func append(_ frame: Recorder.Frame, compressing: Bool) {
        guard let type = FrameType(rawValue: frame.type) else { preconditionFailure("tests send known types") }
        FrameWriter.frame(type: type, correlation: frame.correlation, compressing: compressing, into: &output) {
            $0.raw(frame.payload)
        }
    }
}

/// A delegate that does what its recorder says.
final class RecordingDelegate: ConnectionDelegate {
    private let recorder: Recorder

    init(_ recorder: Recorder) { self.recorder = recorder }

    func connectionDidOpen(_ connection: Connection) {
        let bound = NIOLoopBound(connection, eventLoop: connection.loop)
        let identity = connection.identity
        recorder.update {
            $0.opened += 1
            $0.identities.append(identity)
            $0.connection = bound
        }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        let frame = Recorder.Frame(type: header.typeNumber, correlation: header.correlation, payload: Array(payload))
        switch recorder.behaviour {
        case .record:
            recorder.update { $0.frames.append(frame) }
        case .echo:
            connection.append(frame, compressing: header.flags.contains(.compressed))
        case .echoAndClose:
            recorder.update { $0.frames.append(frame) }
            connection.append(frame, compressing: false)
            connection.close(.ended(reason: "the test says so"))
        case .flood(let bytes):
            connection.append(
                .init(type: 4, correlation: 0, payload: [UInt8](repeating: 1, count: bytes)),
                compressing: false
            )
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) { recorder.update { $0.bursts += 1 } }

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        recorder.update {
            $0.closed.append(error)
            $0.connection = nil
        }
    }
}
