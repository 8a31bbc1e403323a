// Pemba: an answer of many frames.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaGraph
import PembaService
import PembaWire

/// An answer of many frames on its way to a client that says how many it takes.
///
/// Frames are made whole and wait in `parts` for credit and for room in the connection. Whatever makes more of them,
/// `source`, is asked when none waits. Confined to the node's loop.
final class AnswerStream {
    /// What makes frames.
    enum Source {
        /// Nothing more will come: `ending` follows the parts.
        case exhausted
        /// An evaluation under way appends parts.
        case evaluation
        /// The tuples of one revision, page by page.
        case export(ExportProgress)
        /// What changes.
        case watch(WatchProgress)
    }

    let request: PendingRequest
    /// How many parts the client takes before it gives more credit.
    var credit: Int
    var source: Source
    /// Frames that wait, and their bytes.
    private(set) var parts: Deque<[UInt8]> = []
    private(set) var waitingBytes = 0
    /// The last frame, which needs no credit.
    var ending: [UInt8]?
    /// Whether it tells what changes, until it ends.
    let isWatch: Bool
    /// When it last sent something, or had nothing to send.
    var moved: Instant
    /// Whether a later pump is scheduled: one at a time.
    var isPumpScheduled = false

    init(_ request: PendingRequest, credit: Int, source: Source) {
        self.request = request
        self.credit = credit
        self.source = source
        isWatch = if case .watch = source { true } else { false }
        moved = SystemClock.now()
    }

    /// Whether it is the client that keeps it from going on.
    var isHeldUp: Bool {
        if !parts.isEmpty || ending != nil { return true }
        if case .export = source { return credit == 0 }
        return false
    }

    /// Makes frames in `body` and lets them wait.
    func append(_ body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter(capacity: StreamLimits.partBytes)
        body(&writer)
        guard !writer.bytes.isEmpty else { return }
        waitingBytes += writer.bytes.count
        request.client.node.streamBytes += writer.bytes.count
        parts.append(writer.bytes)
    }

    /// Takes the next frame.
    func take() -> [UInt8]? {
        guard let part = parts.popFirst() else { return nil }
        waitingBytes -= part.count
        request.client.node.streamBytes -= part.count
        return part
    }

    /// Forgets the frames that wait.
    func clear() {
        parts.removeAll()
        request.client.node.streamBytes -= waitingBytes
        waitingBytes = 0
        source = .exhausted
    }
}

/// How far an export has come.
struct ExportProgress {
    let filter: RelationshipFilter
    /// The revision of all pages.
    let zookie: Zookie
    /// After which tuple the next page begins.
    var after: RelationTuple?
    /// What the pages have in common.
    let pages = ReadProgress()
    var count: UInt64 = 0
    /// Whether a job that makes the next page is queued.
    var isQueued = true
}

/// How far a watch has come.
struct WatchProgress {
    let request: WatchRequest
    /// What has been looked at.
    var place: HistoryPlace
    /// The snapshot that comes first, if there is one and it is not through.
    var snapshot: ExportProgress?
    /// The last revision of which the watcher was told something.
    var told: Revision
    /// A revision of which some changes were sent, and not the last.
    var open: Revision?
    /// When something was sent last.
    var active: Instant

    /// Whether the watcher wants to hear of a tuple.
    func wants(_ tuple: RelationTuple) -> Bool {
        request.filters.isEmpty || request.filters.contains { $0.matches(tuple) }
    }
}
