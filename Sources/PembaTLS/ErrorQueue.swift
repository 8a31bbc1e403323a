// Pemba: OpenSSL's error queue.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// OpenSSL's queue of errors, which belongs to the thread and stays until somebody empties it.
///
/// Each call that can fail clears it first, or the error of an earlier call would be reported for this one.
package enum ErrorQueue {
    /// The last error of a call: the one with the most to say.
    package struct Entry: Equatable, Sendable {
        /// OpenSSL's number of the reason, meaningful together with the library that raised it.
        package let reason: Int32
        /// Whether libssl itself raised it.
        package let isFromSSL: Bool
        /// Reason and data of every queued error, oldest first.
        package let text: String
    }

    /// Forgets what earlier calls left behind.
    @inline(__always)
    package static func clear() { ERR_clear_error() }

    /// Empties the queue; nil if it was empty.
    package static func drain() -> Entry? {
        var texts: [String] = []
        var last: UInt = 0
        while true {
            var data: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = ERR_get_error_all(nil, nil, nil, &data, &flags)
            guard code != 0 else { break }
            last = code
            var text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
            if flags & ERR_TXT_STRING != 0, let data, data.pointee != 0 { text += " (\(String(cString: data)))" }
            texts.append(text)
        }
        guard last != 0 else { return nil }
        return Entry(
            reason: ERR_GET_REASON(last),
            isFromSSL: ERR_GET_LIB(last) == ERR_LIB_SSL,
            text: texts.joined(separator: "; ")
        )
    }

    /// Empties the queue into the error of a call that only fails when memory or the library does.
    package static func failure(_ call: String) -> TLSError {
        .library(call: call, reason: drain()?.text ?? "no reason given")
    }
}
