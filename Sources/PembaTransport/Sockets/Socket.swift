// Pemba: a TCP socket that never blocks.
// SPDX-License-Identifier: Apache-2.0

import CPembaSockets
import Glibc

/// A TCP socket that never blocks and is not inherited by programs that this process starts.
///
/// Its owner closes it, once, after it has left its loop.
struct Socket {
    /// What came of reading or writing.
    enum Outcome {
        /// So many bytes were moved, at least one.
        case moved(Int)
        /// Nothing can be moved now.
        case wouldBlock
        /// The peer sends nothing more.
        case ended
        /// The connection is broken.
        case failed(errno: CInt)
    }

    let descriptor: CInt

    /// A socket for addresses of a family.
    init(family: CInt) throws(SystemError) {
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else { throw SystemError(errno) }
    }

    private init(descriptor: CInt) { self.descriptor = descriptor }

    /// Accepts a connection; nil if none waits.
    func accept() throws(SystemError) -> (socket: Socket, peer: SocketAddress)? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = pemba_accept(descriptor, &storage, &length)
        if accepted >= 0 { return (Socket(descriptor: accepted), SocketAddress(storage, length)) }
        if errno == EAGAIN { return nil }
        throw SystemError(errno)
    }

    func listen(at address: SocketAddress, backlog: CInt) throws(SystemError) {
        try set(SOL_SOCKET, SO_REUSEADDR, 1)
        try SystemError.check(address.withPointer { Glibc.bind(descriptor, $0, $1) })
        try SystemError.check(Glibc.listen(descriptor, backlog))
    }

    /// Begins to connect; false if that takes time: the socket is writable when it is over, and `error` tells how.
    func connect(to address: SocketAddress) throws(SystemError) -> Bool {
        if address.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 { return true }
        guard errno == EINPROGRESS || errno == EINTR else { throw SystemError(errno) }
        return false
    }

    /// Why connecting failed; nil if it did not.
    var error: SystemError? {
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return SystemError(errno) }
        return code == 0 ? nil : SystemError(code)
    }

    /// The address that the kernel gave it.
    var localAddress: SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return result == 0 ? SocketAddress(storage, length) : nil
    }

    /// Sends small writes at once: what belongs together is written together here.
    func sendAtOnce() throws(SystemError) { try set(CInt(IPPROTO_TCP), TCP_NODELAY, 1) }

    private func set(_ level: CInt, _ option: CInt, _ value: CInt) throws(SystemError) {
        var value = value
        try SystemError.check(setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size)))
    }

    /// Reads at most what fits.
    func read(into memory: UnsafeMutableRawBufferPointer) -> Outcome {
        outcome { recv(descriptor, memory.baseAddress, memory.count, 0) }
    }

    /// Writes what the kernel takes of `bytes`, of which there are some.
    func write(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        // A broken connection is an error here and no signal.
        outcome { send(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL)) }
    }

    @inline(__always)
    private func outcome(_ call: () -> Int) -> Outcome {
        while true {
            let count = call()
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno: errno)
            }
        }
    }

    /// Tells the peer that nothing more comes.
    func shutDownWriting() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

    func close() { _ = Glibc.close(descriptor) }
}

/// An error of the system.
struct SystemError: Error, Equatable {
    /// The system's number for it.
    let code: CInt

    init(_ code: CInt) { self.code = code }

    /// Throws what the last call left in `errno` if it did not return 0.
    static func check(_ result: CInt) throws(SystemError) {
        guard result == 0 else { throw SystemError(errno) }
    }

    /// The reason and, where there is one, the way out.
    var reason: String { SystemReason.text(code) }
}

/// Errors of the system in words.
enum SystemReason {
    /// The reason and, where there is one, the way out.
    static func text(_ code: CInt) -> String {
        switch code {
        case EADDRINUSE: "the port is taken by another process"
        case EADDRNOTAVAIL: "this machine has no such address"
        case EACCES: "ports below 1024 need a privilege that this process does not have"
        case ECONNREFUSED: "nothing listens there"
        case ETIMEDOUT: "no answer in time"
        case EMFILE: "this process has as many files and connections open as it may (`ulimit -n`)"
        default: String(cString: strerror(code))
        }
    }
}
