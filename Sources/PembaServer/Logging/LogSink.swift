// Pemba: where log lines go.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A file descriptor that several threads write lines to without mixing them.
package final class LogSink: Sendable {
    private struct State {
        let descriptor: Int32
        /// Lines that wait for the end of `together`.
        var held: [UInt8] = []
        /// How many threads are within `together`.
        var holders = 0
    }

    /// Bytes of lines that wait at most: what a pipe takes as a whole or not at all (`PIPE_BUF`), so that lines of several
    /// processes do not mix in it.
    private static let heldBytesMax = 4_096

    private let state: Mutex<State>

    /// Writes to `descriptor`, which stays open and is not owned.
    package init(descriptor: Int32) { state = Mutex(State(descriptor: descriptor)) }

    /// Writes a line, behind those that wait.
    ///
    /// A sink that takes nothing any more loses lines: logging never stops the node.
    ///
    /// - Parameter mayWait: whether it may be written when the `together` ends that is under way. What a process says
    ///   before it ends may not.
    func write(_ line: [UInt8], mayWait: Bool) {
        state.withLock { state in
            let isHeld = mayWait && state.holders > 0
            if !isHeld || state.held.count + line.count > LogSink.heldBytesMax { LogSink.writeHeld(&state) }
            if isHeld { state.held += line } else { LogSink.write(line, to: state.descriptor) }
        }
    }

    /// Writes the lines that come within `body` and may wait by one call at its end.
    func together<Result>(_ body: () -> Result) -> Result {
        state.withLock { $0.holders += 1 }
        defer {
            state.withLock { state in
                state.holders -= 1
                if state.holders == 0 { LogSink.writeHeld(&state) }
            }
        }
        return body()
    }

    private static func writeHeld(_ state: inout State) {
        guard !state.held.isEmpty else { return }
        write(state.held, to: state.descriptor)
        state.held.removeAll(keepingCapacity: true)
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}
