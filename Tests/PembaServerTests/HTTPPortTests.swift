// Pemba: tests of the HTTP port.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import PembaCore
import Testing

@testable import PembaServer

/// Sends a request as soon as it is connected, and gathers what comes back until the connection ends.
///
/// On the event loop alone: a task might wait for its turn longer than the port waits for a request.
private final class Exchange: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let request: String
    private let answer: EventLoopPromise<String>
    private var received = ByteBuffer()

    init(_ request: String, _ answer: EventLoopPromise<String>) {
        self.request = request
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.writeImmutableBuffer(unwrapInboundIn(data))
    }

    /// A port that closes with our bytes unread resets the connection: it is closed all the same.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) { answer.succeed(String(buffer: received)) }
}

struct HTTPPortTests {
    /// Sends `request` as it is and returns everything that comes back until the port closes the connection.
    private func exchange(_ request: String) async throws -> String {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let port = try HTTPPort(NetworkAddress(host: "127.0.0.1", port: 0), asking: TestCluster.loop.get()) { path in
            switch path {
            case "/livez": HTTPAnswer(status: 200, body: "alive\n")
            case "/readyz": HTTPAnswer(status: 503, body: "no leader\n")
            default: nil
            }
        }
        defer { port.close() }
        let answer = loop.makePromise(of: String.self)
        ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Exchange(request, answer))
                }
            }
            .connect(host: "127.0.0.1", port: port.port)
            .whenFailure { answer.fail($0) }
        return try await answer.futureResult.get()
    }

    @Test func pathsAreAnsweredAndTheConnectionIsClosed() async throws {
        let answer = try await exchange("GET /livez?verbose HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(answer.contains("content-length: 6\r\n") && answer.hasSuffix("\r\n\r\nalive\n"))
        #expect(try await exchange("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").hasPrefix("HTTP/1.1 503 "))
    }

    @Test func headHasNoBody() async throws {
        let answer = try await exchange("HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\n"))
    }

    @Test func otherPathsAndMethodsAreRefused() async throws {
        #expect(try await exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
        let post = try await exchange("POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        #expect(post.hasPrefix("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD"))
    }

    @Test func garbageIsRefused() async throws {
        let answer = try await exchange("\u{16}\u{3}\u{1} not http at all\r\n\r\n")
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 400 "))
    }

    @Test func anEndlessHeadIsRefused() async throws {
        let answer = try await exchange("GET /livez HTTP/1.1\r\nHost: " + String(repeating: "x", count: 200_000))
        #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"))
    }
}
