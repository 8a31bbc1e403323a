// Pemba: tests of the HTTP port.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import PembaCore
import Testing

@testable import PembaServer

struct HTTPPortTests {
    /// Sends `request` as it is and returns everything that comes back until the port closes the connection.
    private func exchange(_ request: String) async throws -> String {
        let port = try await HTTPPort.bind(
            NetworkAddress(host: "127.0.0.1", port: 0),
            on: MultiThreadedEventLoopGroup.singleton.next()
        ) { path in
            switch path {
            case "/livez": HTTPAnswer(status: 200, body: "alive\n")
            case "/readyz": HTTPAnswer(status: 503, body: "no leader\n")
            default: nil
            }
        }.get()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let answer = try await channel.executeThenClose { inbound, outbound in
            var answer = ByteBuffer()
            do {
                // The port may answer and close before the last of our bytes is taken: its answer is read all the same.
                do { try await outbound.write(ByteBuffer(string: request)) } catch ChannelError.ioOnClosedChannel {}
                for try await part in inbound { answer.writeImmutableBuffer(part) }
            } catch let error as IOError where error.errnoCode == ECONNRESET || error.errnoCode == EPIPE {
                // A port that closes with our bytes unread resets the connection: it is closed all the same.
            }
            return String(buffer: answer)
        }
        try await port.close().get()
        return answer
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
