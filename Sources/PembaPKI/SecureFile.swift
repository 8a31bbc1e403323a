// Pemba: writing files that others may not read.
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writing files whose mode matters from the first byte.
package enum SecureFile {
    /// Creates or replaces `path` with `bytes` and exactly `mode`; readers see the old file or the whole new one.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(PKIError) {
        let temporary = "\(path).new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw failure(path) }
        var isComplete = false
        defer {
            if !isComplete { unlink(temporary) }
        }
        do {
            defer { close(descriptor) }
            // The umask may have taken bits away.
            guard fchmod(descriptor, mode) == 0 else { throw failure(path) }
            var offset = 0
            while offset < bytes.count {
                let written = bytes.withUnsafeBytes { buffer in
                    Glibc.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                }
                if written < 0 {
                    if errno == EINTR { continue }
                    throw failure(path)
                }
                offset += written
            }
            guard fsync(descriptor) == 0 else { throw failure(path) }
        }
        guard rename(temporary, path) == 0 else { throw failure(path) }
        isComplete = true
    }

    private static func failure(_ path: String) -> PKIError {
        .unwritableFile(path: path, reason: String(cString: strerror(errno)))
    }
}
