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
        case readSchema(Consistency)
        case permissions(PermissionsRequest)
        case expand(ExpandRequest)
        case explain(ExplainRequest)
        case lookupResources(LookupResourcesRequest, window: Int)
        case lookupSubjects(LookupSubjectsRequest, window: Int)
        case export(ExportRequest, window: Int)
        case watch(WatchRequest, window: Int)
        /// Open a client session, or change tuples or the schema: how many updates or bytes, for the audit log; and of a
        /// deletion the checksum of its filter, to which the cursor in its answer is bound.
        case command(RequestKind, size: Int, filter: UInt32)
        /// Look at the members, or change them.
        case membership
    }

    /// Who asked.
    let client: ClientConnection
    /// Which of its requests this is.
    let correlation: UInt64
    /// When it arrived.
    let arrived: Instant
    /// When the client stops waiting; of a stream, for its first frame.
    let deadline: Instant
    /// Bytes that are kept for it.
    let bytes: Int
    /// What is to be done.
    var work: Work

    /// What it is counted as.
    var kind: RequestKind {
        switch work {
        case .evaluation(let kind, _), .command(let kind, _, _): kind
        case .read: .read
        case .readSchema: .readSchema
        case .permissions: .permissions
        case .expand: .expand
        case .explain: .explain
        case .lookupResources: .lookupResources
        case .lookupSubjects: .lookupSubjects
        case .export: .export
        case .watch: .watch
        case .membership: .membership
        }
    }
}
