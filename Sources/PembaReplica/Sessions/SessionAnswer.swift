// Pemba: what a client session keeps of one write.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// The answer to one write of a client session, kept until the client has acknowledged it.
struct SessionAnswer: Sendable, Equatable {
    /// The number of the write in its session.
    let sequence: UInt64
    /// What it was answered: the revision that it reached, or why nothing was done.
    let result: Result<Revision, ServiceError>

    /// Bytes of an error's message, and of each name and value of its details, at most.
    private static let textBytes = 3 << 10
    /// Details of an error at most.
    private static let detailCount = 8

    init(sequence: UInt64, result: Result<Revision, ServiceError>) {
        self.sequence = sequence
        self.result = result
    }

    /// `error` cut down to what a session keeps: what the state machine answers, at first and when asked again.
    static func bounded(_ error: ServiceError) -> ServiceError {
        let details = error.details.prefix(detailCount).map { ServiceError.Detail(cut($0.name), cut($0.value)) }
        return ServiceError(error.code, cut(error.message), details: details)
    }

    /// The longest beginning of `text` that fits and ends with a whole character.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textBytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: textBytes)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }

    /// Appends the sequence as varint, a byte (0: done, 1: error), and the revision, or code, message and details.
    func encode(into writer: inout ByteWriter) {
        writer.varint(sequence)
        switch result {
        case .success(let revision):
            writer.integer(UInt8(0))
            writer.varint(revision.rawValue)
        case .failure(let error):
            writer.integer(UInt8(1))
            writer.integer(error.code.rawValue)
            writer.string(error.message)
            writer.count(error.details.count)
            for detail in error.details {
                writer.string(detail.name)
                writer.string(detail.value)
            }
        }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let sequence = try reader.varint()
        let failed = try reader.boolean(field: "session answer")
        guard failed else {
            self.init(sequence: sequence, result: .success(Revision(try reader.varint())))
            return
        }
        let number: UInt16 = try reader.integer()
        guard let code = ErrorCode(rawValue: number) else {
            throw .invalidValue(field: "error code", value: UInt64(number))
        }
        let message = try reader.string(limit: SessionAnswer.textBytes)
        var details: [ServiceError.Detail] = []
        for _ in 0..<(try reader.count(limit: SessionAnswer.detailCount)) {
            let name = try reader.string(limit: SessionAnswer.textBytes)
            details.append(ServiceError.Detail(name, try reader.string(limit: SessionAnswer.textBytes)))
        }
        self.init(sequence: sequence, result: .failure(ServiceError(code, message, details: details)))
    }

    /// The hash of the answer as one of the session `session`.
    func hash(session: UInt64) -> UInt64 {
        var writer = ByteWriter()
        encode(into: &writer)
        var hasher = StateHasher(domain: 2)
        hasher.combine(session)
        hasher.combine(writer.bytes)
        return hasher.value
    }
}
