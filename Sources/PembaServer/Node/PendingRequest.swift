// Pemba: requests that wait.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

/// A client's request whose answer needs the log, a revision or its turn; everything needed to answer it later.
struct PendingRequest {
    /// What is to be done when it may be done.
    enum Work {
        /// Evaluate a `check` or `bulkCheck`. While it waits for a revision: the payload of its frame.
        case evaluation(RequestKind, payload: [UInt8])
        /// Read a page of tuples.
        case read(ReadRequest)
        /// Read the schema.
        case readSchema
        /// Open a client session, or write tuples or the schema; how many updates or bytes, for the audit log.
        case command(RequestKind, size: Int)
    }

    /// Who asked.
    let client: ClientConnection
    /// Which of its requests this is.
    let correlation: UInt64
    /// When it arrived.
    let arrived: Instant
    /// When the client stops waiting.
    let deadline: Instant
    /// Bytes that are kept for it.
    let bytes: Int
    /// What is to be done.
    var work: Work

    /// What it is counted as.
    var kind: RequestKind {
        switch work {
        case .evaluation(let kind, _), .command(let kind, _): kind
        case .read: .read
        case .readSchema: .readSchema
        }
    }
}
