// Pemba: the registry of frame types.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

/// What a frame is.
///
/// Numbers are never reused; an answer is its request's number plus 128.
package enum FrameType: UInt8, Sendable, CaseIterable {
    // 1 to 15: the connection itself, either way unless said otherwise.

    /// The first frame of whoever connected.
    case hello = 1
    /// The answer to `hello`, the first frame of whoever accepted.
    case helloAnswer = 2
    /// Asks for a `pong` with the same payload.
    case ping = 3
    /// Answers `ping`.
    case pong = 4
    /// Answers a request that failed; with correlation 0 it concerns the connection, which is closed after it.
    case error = 5
    /// The sender takes no new requests on this connection; it answers those it has.
    case goAway = 6

    // 16 to 31: reads.

    /// One check.
    case check = 16
    /// Many checks at one revision.
    case bulkCheck = 17
    /// A page of tuples.
    case read = 18
    /// The schema's source.
    case readSchema = 19

    // 32 to 47: writes.

    /// Opens a client session for idempotency keys.
    case openSession = 32
    /// Writes tuples.
    case write = 33
    /// Replaces the schema.
    case writeSchema = 34

    // 48 to 63: operations.

    /// What the node says of itself.
    case status = 48

    // 64 to 79: between nodes only.

    /// One `PeerMessage`; asks for no answer.
    case peer = 64

    // 144 and above: answers.

    /// Answers `check`.
    case checkAnswer = 144
    /// Answers `bulkCheck`.
    case bulkCheckAnswer = 145
    /// Answers `read`.
    case readAnswer = 146
    /// Answers `readSchema`.
    case readSchemaAnswer = 147
    /// Answers `openSession`.
    case openSessionAnswer = 160
    /// Answers `write`.
    case writeAnswer = 161
    /// Answers `writeSchema`.
    case writeSchemaAnswer = 162
    /// Answers `status`.
    case statusAnswer = 176

    /// Whether a client may send it to ask for something; everything that is answered or refused.
    package var isRequest: Bool { requiredRole != nil }

    /// The answer to this request; nil if this is not a request.
    package var answer: FrameType? { isRequest ? FrameType(rawValue: rawValue + 128) : nil }

    /// The role that a credential needs for this request; nil if this is not a request.
    package var requiredRole: Roles? {
        switch self {
        case .check, .bulkCheck, .read, .readSchema: .read
        case .openSession, .write: .write
        case .writeSchema: .schema
        case .status: .admin
        case .hello, .helloAnswer, .ping, .pong, .error, .goAway, .peer, .checkAnswer, .bulkCheckAnswer, .readAnswer,
            .readSchemaAnswer, .openSessionAnswer, .writeAnswer, .writeSchemaAnswer, .statusAnswer:
            nil
        }
    }
}
