// Pemba: a connection as the handler of its channel.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension Connection: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { opened(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { closed() }

    package func channelActive(context: ChannelHandlerContext) {
        if self.context == nil { opened(context) }
    }

    package func channelInactive(context: ChannelHandlerContext) { closed() }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) { read(unwrapInboundIn(data)) }

    package func channelReadComplete(context: ChannelHandlerContext) { finishBurst() }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { failed("\(error)") }
}
