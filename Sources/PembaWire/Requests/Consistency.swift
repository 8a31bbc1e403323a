// Pemba: what requests start with.
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

extension Timed {
    /// Reads a payload that is a deadline and what `body` reads, and nothing else.
    static func decode(
        _ payload: UnsafeRawBufferPointer,
        _ body: (inout ByteReader) throws(ByteError) -> Request
    ) throws(ByteError) -> Timed<Request> {
        var reader = ByteReader(payload)
        let deadline: UInt32 = try reader.integer()
        let request = try body(&reader)
        try reader.expectEnd()
        return Timed(deadlineMilliseconds: deadline, request: request)
    }
}

extension Consistency {
    /// Appends one byte (0 minimize latency, 1 at least as fresh, 2 fully consistent, 3 exact snapshot, 4 revision,
    /// 5 time) and, after 1 and 3, the zookie, after 4 the revision, after 5 the time.
    func encode(into output: inout ByteWriter) {
        switch self {
        case .minimizeLatency: output.integer(UInt8(0))
        case .atLeastAsFresh(let zookie):
            output.integer(UInt8(1))
            zookie.encode(into: &output)
        case .fullyConsistent: output.integer(UInt8(2))
        case .atExactSnapshot(let zookie):
            output.integer(UInt8(3))
            zookie.encode(into: &output)
        case .atRevision(let revision):
            output.integer(UInt8(4))
            output.integer(revision.rawValue)
        case .atTime(let time):
            output.integer(UInt8(5))
            output.integer(time.nanoseconds)
        }
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        let tag: UInt8 = try reader.integer()
        switch tag {
        case 0: self = .minimizeLatency
        case 1: self = .atLeastAsFresh(try reader.zookie())
        case 2: self = .fullyConsistent
        case 3: self = .atExactSnapshot(try reader.zookie())
        case 4: self = .atRevision(Revision(try reader.integer()))
        case 5: self = .atTime(Timestamp(nanoseconds: try reader.integer()))
        default: throw .invalidValue(field: "consistency", value: UInt64(tag))
        }
    }
}
