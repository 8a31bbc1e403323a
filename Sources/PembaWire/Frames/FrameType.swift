// Pemba: the registry of frame types.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

/// What a frame is.
///
/// Numbers are never reused; an answer is its request's number plus 128, a part of a streamed answer plus 192.
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
    /// The asker takes more parts of a streamed answer.
    case streamCredit = 7
    /// The asker does not want the answer any more.
    case cancel = 8

    // 16 to 31: reads.

    /// One check.
    case check = 16
    /// Many checks at one revision.
    case bulkCheck = 17
    /// A page of tuples.
    case read = 18
    /// The schema's source.
    case readSchema = 19
    /// All resources on which a subject has a permission; streamed.
    case lookupResources = 20
    /// All subjects that have a permission on a resource; streamed.
    case lookupSubjects = 21
    /// Which of a resource's permissions a subject has.
    case permissions = 22
    /// What a permission is made of.
    case expand = 23
    /// Why a check has its answer.
    case explain = 24
    /// Changes as they happen; streamed.
    case watch = 25
    /// All tuples at one revision; streamed.
    case export = 26

    // 32 to 47: writes.

    /// Opens a client session for idempotency keys.
    case openSession = 32
    /// Writes tuples.
    case write = 33
    /// Replaces the schema.
    case writeSchema = 34
    /// Removes all tuples that a filter means.
    case delete = 35
    /// Makes the subjects of one relation exactly those listed.
    case set = 36
    /// Adds many tuples in one entry of the log.
    case `import` = 37

    // 48 to 63: operations.

    /// What the node says of itself.
    case status = 48
    /// Who the members are, or are to be.
    case membership = 49

    // 64 to 79: between nodes only.

    /// One `PeerMessage`; asks for no answer.
    case peer = 64

    // 144 to 191: answers.

    /// Answers `check`.
    case checkAnswer = 144
    /// Answers `bulkCheck`.
    case bulkCheckAnswer = 145
    /// Answers `read`.
    case readAnswer = 146
    /// Answers `readSchema`.
    case readSchemaAnswer = 147
    /// Ends the answer to `lookupResources`.
    case lookupResourcesAnswer = 148
    /// Ends the answer to `lookupSubjects`.
    case lookupSubjectsAnswer = 149
    /// Answers `permissions`.
    case permissionsAnswer = 150
    /// Answers `expand`.
    case expandAnswer = 151
    /// Answers `explain`.
    case explainAnswer = 152
    /// Ends the answer to `watch`, if the node ends it.
    case watchAnswer = 153
    /// Ends the answer to `export`.
    case exportAnswer = 154
    /// Answers `openSession`.
    case openSessionAnswer = 160
    /// Answers `write`.
    case writeAnswer = 161
    /// Answers `writeSchema`.
    case writeSchemaAnswer = 162
    /// Answers `delete`.
    case deleteAnswer = 163
    /// Answers `set`.
    case setAnswer = 164
    /// Answers `import`.
    case importAnswer = 165
    /// Answers `status`.
    case statusAnswer = 176
    /// Answers `membership`.
    case membershipAnswer = 177

    // 208 and above: parts of streamed answers.

    /// Some of the answer to `lookupResources`.
    case foundResources = 212
    /// Some of the answer to `lookupSubjects`.
    case foundSubjects = 213
    /// Some of the answer to `watch`.
    case watchEvents = 217
    /// Some of the answer to `export`.
    case exportedTuples = 218

    /// Whether a client may send it to ask for something; everything that is answered or refused.
    package var isRequest: Bool { requiredRole != nil }

    /// The answer to this request; nil if this is not a request.
    package var answer: FrameType? { isRequest ? FrameType(rawValue: rawValue + 128) : nil }

    /// The role that a credential needs for this request; nil if this is not a request.
    package var requiredRole: Roles? {
        switch self {
        case .check, .bulkCheck, .read, .readSchema, .lookupResources, .lookupSubjects, .permissions, .expand, .explain,
            .watch, .export:
            .read
        case .openSession, .write, .delete, .set, .import: .write
        case .writeSchema: .schema
        case .status, .membership: .admin
        case .hello, .helloAnswer, .ping, .pong, .error, .goAway, .streamCredit, .cancel, .peer, .checkAnswer,
            .bulkCheckAnswer, .readAnswer, .readSchemaAnswer, .lookupResourcesAnswer, .lookupSubjectsAnswer,
            .permissionsAnswer, .expandAnswer, .explainAnswer, .watchAnswer, .exportAnswer, .openSessionAnswer,
            .writeAnswer, .writeSchemaAnswer, .deleteAnswer, .setAnswer, .importAnswer, .statusAnswer,
            .membershipAnswer, .foundResources, .foundSubjects, .watchEvents, .exportedTuples:
            nil
        }
    }

    /// What the answer to this request comes in before `answer` ends it; nil if this is not a request whose answer is
    /// streamed.
    package var part: FrameType? {
        switch self {
        case .lookupResources: .foundResources
        case .lookupSubjects: .foundSubjects
        case .watch: .watchEvents
        case .export: .exportedTuples
        default: nil
        }
    }
}
