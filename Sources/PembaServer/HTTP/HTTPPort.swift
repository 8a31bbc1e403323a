// Pemba: the small HTTP port for health and metrics.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
import NIOHTTP1
import NIOPosix
package import PembaCore

/// What the HTTP port answers.
package struct HTTPAnswer: Sendable, Equatable {
    package var status: Int
    package var contentType: String
    package var body: String

    package init(status: Int, contentType: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

/// A listener for GET and HEAD of a few paths.
///
/// It has a loop of its own, which serves SwiftNIO's HTTP, and asks the node's loop for every answer: that reads the
/// node's numbers without a lock, and `/livez` tells that it turns.
///
/// One request a connection, few connections, small heads, no bodies, a timeout.
package final class HTTPPort: Sendable {
    /// Connections at one time; further ones are closed at once.
    static let connectionsMax = 64
    /// How long a connection may take to send its request and to take the answer.
    static let timeout = TimeAmount.seconds(5)

    /// Answers a path, on the node's loop; nil: there is no such path.
    package typealias Responder = @Sendable (String) -> HTTPAnswer?

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel

    /// The port that is listened on: the kernel's choice where the configuration says 0.
    package var port: Int { channel.localAddress?.port ?? 0 }

    /// Listens at `address`; `responder` is called on `loop`.
    package init(_ address: NetworkAddress, asking loop: any EventLoop, responder: @escaping Responder) throws {
        let open = NIOLoopBoundBox.makeBoxSendingValue(0, eventLoop: group.any())
        let bound = ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try HTTPPort.keepFromPrograms(channel) }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard open.value < HTTPPort.connectionsMax else {
                        channel.close(promise: nil)
                        return
                    }
                    try HTTPPort.keepFromPrograms(channel)
                    open.value += 1
                    channel.closeFuture.whenComplete { _ in open.value -= 1 }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(HTTPPortHandler(asking: loop, responder: responder))
                }
            }
            .bind(host: address.host, port: Int(address.port))
        do {
            channel = try bound.wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
    }

    /// Stops listening and ends what is open; waits for it, so not from an event loop.
    package func close() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }

    /// Keeps the socket from programs that this process starts, which would keep the port taken: SwiftNIO opens sockets
    /// without `SOCK_CLOEXEC`.
    private static func keepFromPrograms(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            guard fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 else {
                throw IOError(errnoCode: errno, reason: "fcntl(F_SETFD)")
            }
        }
    }
}

/// One connection of the HTTP port: answers the first request and closes.
private final class HTTPPortHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let node: any EventLoop
    private let responder: HTTPPort.Responder
    private var isAnswered = false
    private var timeout: Scheduled<Void>?

    init(asking node: any EventLoop, responder: @escaping HTTPPort.Responder) {
        self.node = node
        self.responder = responder
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: HTTPPort.timeout) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data), !isAnswered else { return }
        isAnswered = true
        answer(head, context: context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        guard head.method == .GET || head.method == .HEAD else {
            return send(HTTPAnswer(status: 405, body: "only GET and HEAD\n"), to: head, context)
        }
        let path =
            head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init) ?? ""
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        node.submit { [responder] in
            responder(path) ?? HTTPAnswer(status: 404, body: "there are /livez, /readyz and /metrics\n")
        }.hop(to: context.eventLoop).whenSuccess { answer in
            let (handler, context) = bound.value
            handler.send(answer, to: head, context)
        }
    }

    private func send(_ answer: HTTPAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var headers = HTTPHeaders()
        headers.add(name: "content-type", value: answer.contentType)
        headers.add(name: "content-length", value: String(answer.body.utf8.count))
        headers.add(name: "connection", value: "close")
        if answer.status == 405 { headers.add(name: "allow", value: "GET, HEAD") }
        let status = HTTPResponseStatus(statusCode: answer.status)
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))),
            promise: nil
        )
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
