// Pemba: bursts that are cut off by a bad frame.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import NIOCore
import PembaClient
import PembaCore
import PembaService
import PembaTLS
import PembaTooling
import PembaTransport
import PembaWire
import Synchronization
import Testing

/// What came back on a connection.
private final class Answers: Sendable {
    struct State {
        var connection: NIOLoopBound<Connection>?
        var isGreeted = false
        var isClosed = false
        var checks: [UInt64: Permissionship] = [:]
        var others = 0
    }

    let state = Mutex(State())
}

/// Sends what it is told when it opens, and keeps the answers.
private final class AnswerCollector: ConnectionDelegate {
    private let answers: Answers
    private let first: [UInt8]

    init(_ answers: Answers, sending first: [UInt8]) {
        self.answers = answers
        self.first = first
    }

    func connectionDidOpen(_ connection: Connection) {
        connection.output.raw(first)
        let bound = NIOLoopBound(connection, eventLoop: connection.loop)
        answers.state.withLock { $0.connection = bound }
    }

    func connection(_ connection: Connection, didReceive header: FrameHeader, payload: UnsafeRawBufferPointer) {
        let answer = header.type == .checkAnswer ? try? CheckAnswer(decoding: payload) : nil
        answers.state.withLock { state in
            if header.type == .helloAnswer {
                state.isGreeted = true
            } else if let answer {
                state.checks[header.correlation] = answer.permissionship
            } else {
                state.others += 1
            }
        }
    }

    func connectionDidFinishBurst(_ connection: Connection) {}

    func connectionDidClose(_ connection: Connection, error: TransportError?) {
        answers.state.withLock {
            $0.isClosed = true
            $0.connection = nil
        }
    }
}

@Suite(.serialized) struct BurstTests {
    private static let checksOfTheBroken = 40
    private static let checksOfTheOther = 3

    /// The checks before a bad frame belong to a connection that is gone: no other connection may get their answers.
    @Test func aBurstThatIsCutOffIsAnsweredToNobodyElse() async throws {
        try await withCluster(nodes: 1) { cluster in
            let granted = try CheckItem(parsing: "document:plan#view@user:alice")
            let refused = try CheckItem(parsing: "document:plan#view@user:bob")
            try await cluster.target().withClient { client in
                _ = try await client.writeSchema(documentSchema)
                let tuple = try RelationTuple(parsing: "document:plan#viewer@user:alice")
                _ = try await client.write(WriteRequest(updates: [TupleUpdate(.create, tuple)]))
            }
            let loop = try SocketLoop(name: "test")
            let other = try await connect(to: cluster, on: loop, sending: BurstTests.hello())
            try await wait { other.state.withLock { $0.isGreeted } }

            var cutOff = BurstTests.hello()
            for correlation in 1...BurstTests.checksOfTheBroken {
                cutOff += BurstTests.check(granted, UInt64(correlation))
            }
            // A frame with a length that none may have.
            cutOff += [UInt8](repeating: 0xFF, count: FrameHeader.size)

            for round in 0..<200 {
                let first = UInt64(1_000 + round * BurstTests.checksOfTheOther)
                let expected = (0..<UInt64(BurstTests.checksOfTheOther)).map { first + $0 }
                let questions = expected.flatMap { BurstTests.check(refused, $0) }
                let bound = try #require(other.state.withLock { $0.connection })
                // Both are on one loop, so that the node finds the other's questions right behind the broken burst.
                let broken = try await connect(to: cluster, on: loop, sending: cutOff) {
                    bound.value.output.raw(questions)
                    bound.value.flush()
                }
                try await wait {
                    other.state.withLock { state in expected.allSatisfy { state.checks[$0] != nil } || state.isClosed }
                }
                try await wait { broken.state.withLock { $0.isClosed } }
            }
            let (checks, others) = other.state.withLock { ($0.checks, $0.others) }
            #expect(checks.keys.allSatisfy { $0 >= 1_000 }, "answers to another connection's questions arrived")
            #expect(checks.values.allSatisfy { $0 == .noPermission })
            #expect(checks.count == 200 * BurstTests.checksOfTheOther)
            #expect(others == 0)
            _ = try await loop.submit {
                other.state.withLock { $0.connection }?.value.close(.ended(reason: "the test is done"))
            }.get()
            loop.stop {}
        }
    }

    private static func hello() -> [UInt8] {
        var output = ByteWriter()
        let hello = Hello(cluster: nil, software: "test", caller: .client(name: "test", bearerKey: ""))
        FrameWriter.frame(type: .hello, correlation: 0, into: &output) { hello.encode(into: &$0) }
        return Array(output.bytes)
    }

    private static func check(_ item: CheckItem, _ correlation: UInt64) -> [UInt8] {
        var output = ByteWriter()
        FrameWriter.frame(type: .check, correlation: correlation, into: &output) {
            item.encode(consistency: .minimizeLatency, deadlineMilliseconds: 0, into: &$0)
        }
        return Array(output.bytes)
    }

    /// Connects as the administrator; `andThen` runs in the turn of the loop in which the bytes are sent.
    private func connect(
        to cluster: LocalCluster,
        on loop: SocketLoop,
        sending bytes: [UInt8],
        andThen: @escaping @Sendable () -> Void = {}
    ) async throws -> Answers {
        let answers = Answers()
        let context = try TLSContext(
            role: .client,
            authority: .file(cluster.folder + "/ca.pem"),
            certificate: .file(cluster.folder + "/admin/admin.pem"),
            key: .file(cluster.folder + "/admin/admin-key.pem")
        )
        try await Connector.connect(
            to: NetworkAddress(parsing: cluster.plan.nodes[0].clientAddress),
            tls: context,
            expecting: .anyone,
            on: loop,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _ in
            defer { andThen() }
            return AnswerCollector(answers, sending: bytes)
        }.get()
        return answers
    }

    private func wait(until condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !condition() {
            try #require(ContinuousClock.now < deadline, "nothing came in time")
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
