// Pemba: where log lines go.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A file descriptor that several threads write lines to without mixing them.
package final class LogSink: Sendable {
    private let descriptor: Mutex<Int32>

    /// Writes to `descriptor`, which stays open and is not owned.
    package init(descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    /// Writes a line.
    ///
    /// A sink that takes nothing any more loses lines: logging never stops the node.
    func write(_ line: [UInt8]) {
        descriptor.withLock { descriptor in
            line.withUnsafeBytes { bytes in
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
}
