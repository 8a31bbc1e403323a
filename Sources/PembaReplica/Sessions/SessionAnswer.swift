// Pemba: what a client session keeps of one write.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// The answer to one write of a client session, kept until the client has acknowledged it.
struct SessionAnswer: Sendable, Equatable {
    /// The number of the write in its session.
    let sequence: UInt64
    /// What it was answered: what it did, or why nothing was done.
    let result: Result<CommandOutcome, ServiceError>

    /// Bytes of an error's message, and of each name and value of its details, at most.
    static let textBytes = 3 << 10
    /// Details of an error at most.
    static let detailCount = 8

    /// Changes of a set at most; of a longer list only the counts are kept.
    static let changesMax = 256
    /// Bytes of those changes at most.
    private static let changesBytes = 3 << 10

    /// Keeps what `result` says, of a set perhaps without the list of its changes.
    init(sequence: UInt64, result: Result<CommandOutcome, ServiceError>) {
        self.sequence = sequence
        self.result = result.map { SessionAnswer.bounded($0) }
    }

    private static func bounded(_ outcome: CommandOutcome) -> CommandOutcome {
        guard case .set(let revision, let counts, let changes) = outcome, !changes.isEmpty else { return outcome }
        // A list that is much too long is not written to see that it is.
        if changes.count <= changesMax {
            var writer = ByteWriter()
            TupleUpdate.encode(changes, into: &writer)
            if writer.bytes.count <= changesBytes { return outcome }
        }
        return .set(revision, counts, changes: [])
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
