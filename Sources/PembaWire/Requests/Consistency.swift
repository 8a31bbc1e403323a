// Pemba: what every request starts with.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// A decoded request and the time that is left for it.
package struct Timed<Request> {
    /// Milliseconds until the caller stops waiting, counted from the arrival; 0: the node's default.
    package var deadlineMilliseconds: UInt32
    /// The request.
    package var request: Request

    package init(deadlineMilliseconds: UInt32, request: Request) {
        self.deadlineMilliseconds = deadlineMilliseconds
        self.request = request
    }
}

extension Timed: Equatable where Request: Equatable {}
extension Timed: Sendable where Request: Sendable {}

extension Consistency {
    /// Appends one byte (0 minimize latency, 1 at least as fresh, 2 fully consistent) and, after 1, the zookie.
    func encode(into output: inout ByteWriter) {
        switch self {
        case .minimizeLatency: output.integer(UInt8(0))
        case .atLeastAsFresh(let zookie):
            output.integer(UInt8(1))
            zookie.encode(into: &output)
        case .fullyConsistent: output.integer(UInt8(2))
        }
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        let tag: UInt8 = try reader.integer()
        switch tag {
        case 0: self = .minimizeLatency
        case 1: self = .atLeastAsFresh(try reader.zookie())
        case 2: self = .fullyConsistent
        default: throw .invalidValue(field: "consistency", value: UInt64(tag))
        }
    }
}
