// Pemba: what listeners and connectors set on every channel.
// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore

/// Settings of every connection's channel.
package enum ChannelTuning {
    /// From how many waiting bytes on the backlog is looked at; below, a burst is simply on its way.
    static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)

    /// How much is read at a time: little from those who send little, whole bursts from those who send much.
    static let receiveAllocator = AdaptiveRecvByteBufferAllocator(
        minimum: 2 << 10,
        initial: 16 << 10,
        maximum: 256 << 10
    )

    /// Keeps the socket from the programs that this process starts: called by every initializer of a channel, on its loop.
    ///
    /// NIO opens sockets without `SOCK_CLOEXEC`. A program that inherited one would keep a port taken, and a connection
    /// open, after the channel is closed.
    package static func keepFromPrograms(_ channel: any Channel) throws {
        try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            guard fcntl(socket, F_SETFD, FD_CLOEXEC) == 0 else {
                throw IOError(errnoCode: errno, reason: "fcntl(F_SETFD)")
            }
        }
    }
}

/// Errors of the system in words.
enum SystemReason {
    /// The reason and, where there is one, the way out.
    static func text(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return switch error.errnoCode {
        case EADDRINUSE: "the port is taken by another process"
        case EADDRNOTAVAIL: "this machine has no such address"
        case EACCES: "ports below 1024 need a privilege that this process does not have"
        case ECONNREFUSED: "nothing listens there"
        default: error.description
        }
    }
}
