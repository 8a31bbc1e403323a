// Pemba: what a socket is still to send.
// SPDX-License-Identifier: Apache-2.0

import PembaTLS

/// The sending half of a socket: writes at once what the kernel takes, and keeps the rest in order.
struct SocketOutput: ~Copyable {
    private let socket: Socket
    /// What the kernel has not taken yet.
    private var backlog = ByteQueue()
    /// Whether nothing can be sent any more.
    private var isBroken = false
    /// Whether nothing follows what is in the backlog.
    private var isEnding = false

    init(_ socket: Socket) { self.socket = socket }

    /// Bytes that the kernel has not taken yet.
    var waiting: Int { backlog.count }

    /// What the socket is to be watched for: it is always read, so that its end is noticed.
    var interest: Readiness { backlog.count > 0 ? [.readable, .writable] : .readable }

    /// Sends `bytes` after everything that waits.
    mutating func send(_ bytes: UnsafeRawBufferPointer) {
        guard !isBroken, !bytes.isEmpty else { return }
        var rest = bytes
        if backlog.count == 0 {
            let written = write(bytes)
            rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
        }
        guard !isBroken, !rest.isEmpty else { return }
        backlog.room(atLeast: rest.count).copyMemory(from: rest)
        backlog.fill(rest.count)
    }

    /// Sends what waits, as far as the kernel takes it.
    mutating func goOn() {
        while backlog.count > 0 {
            let written = write(backlog.readable)
            guard written > 0 else { break }
            backlog.consume(written)
        }
        endIfDone()
    }

    /// Tells the peer that nothing follows what was sent.
    mutating func end() {
        isEnding = true
        endIfDone()
    }

    private func endIfDone() {
        if isEnding, backlog.count == 0, !isBroken { socket.shutDownWriting() }
    }

    /// Returns how much the kernel took.
    private mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch socket.write(bytes) {
        case .moved(let count): return count
        case .wouldBlock: return 0
        case .ended, .failed:
            // The peer may have said why before it went: reading goes on, and ends with the end or the error.
            isBroken = true
            backlog.consume(backlog.count)
            return 0
        }
    }
}
