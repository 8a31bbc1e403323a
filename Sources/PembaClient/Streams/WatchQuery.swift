// Pemba: watches as streams.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// A watch and how far it has come.
///
/// A snapshot is exported filter by filter, all at one revision, and the changes after that revision follow: so the
/// whole of it can go on anywhere, like every stream.
struct WatchQuery: StreamQuery {
    private enum Phase {
        /// The tuples of the filter with this number are on their way.
        case snapshot(filter: Int, ExportQuery)
        case changes
    }

    private let filters: [RelationshipFilter]
    private let includesSchema: Bool
    private var phase: Phase
    /// Everything up to there has been handed out.
    private var start: WatchRequest.Start
    /// What has been handed out of the revision after that.
    private var revision: PartOfRevision?

    init(_ request: WatchRequest) {
        filters = request.filters
        includesSchema = request.includesSchema
        start = request.start
        phase = .changes
        if case .snapshot = request.start { phase = .snapshot(filter: 0, export(0, nil)) }
    }

    private func export(_ number: Int, _ consistency: Consistency?) -> ExportQuery {
        ExportQuery(filters.isEmpty ? RelationshipFilter() : filters[number], consistency)
    }

    var type: FrameType {
        switch phase {
        case .snapshot: .export
        case .changes: .watch
        }
    }

    var itemsType: FrameType {
        switch phase {
        case .snapshot: RelationTuple.frameType
        case .changes: WatchEvent.frameType
        }
    }

    mutating func beginRequest() { revision?.restart() }

    func encode(
        deadlineMilliseconds: UInt32,
        newestWrite: Zookie?,
        window: UInt16,
        into output: inout ByteWriter
    ) {
        switch phase {
        case .snapshot(_, let export):
            export.encode(
                deadlineMilliseconds: deadlineMilliseconds,
                newestWrite: newestWrite,
                window: window,
                into: &output
            )
        case .changes:
            WatchRequest(start: start, filters: filters, includesSchema: includesSchema)
                .encode(deadlineMilliseconds: deadlineMilliseconds, window: window, into: &output)
        }
    }

    mutating func items(in payload: UnsafeRawBufferPointer) throws(ByteError) -> [WatchEvent] {
        guard case .snapshot(let number, var export) = phase else {
            return try StreamPart<WatchEvent>.decode(payload).items.compactMap { news(in: $0) }
        }
        let tuples = try export.items(in: payload)
        phase = .snapshot(filter: number, export)
        // What an earlier filter means as well has been handed out with it.
        let new = tuples.filter { tuple in !filters.prefix(number).contains { $0.matches(tuple) } }
        return new.isEmpty ? [] : [.tuples(new)]
    }

    mutating func end(in payload: UnsafeRawBufferPointer) throws(ByteError) -> StreamTurn<WatchEvent, Never> {
        guard case .snapshot(let number, var export) = phase else {
            // The node cannot go on with it, as when it shuts down.
            passed(try WatchEnd(decoding: payload).zookie)
            return .another([])
        }
        guard case .done(let end) = try export.end(in: payload) else { return .another([]) }
        if number + 1 < filters.count {
            phase = .snapshot(filter: number + 1, self.export(number + 1, .atExactSnapshot(end.zookie)))
            return .another([])
        }
        phase = .changes
        passed(end.zookie)
        return .another([.checkpoint(zookie: end.zookie)])
    }

    // MARK: - What is new

    private mutating func passed(_ zookie: Zookie) {
        start = .after(zookie)
        revision = nil
    }

    /// Takes note of an event; returns what of it has not been handed out before a connection was lost.
    private mutating func news(in event: WatchEvent) -> WatchEvent? {
        switch event {
        case .tuples: return event
        case .checkpoint(let zookie):
            // After a break a node begins before the revision that was cut, and says so.
            if let revision, zookie.revision < revision.zookie.revision { return nil }
            passed(zookie)
            return event
        case .schema(let zookie, _):
            enter(zookie)
            return revision?.takesSchema() ?? true ? event : nil
        case .changes(let zookie, let time, let changes, let metadata, let isLast):
            enter(zookie)
            guard let new = revision?.new(in: changes, isLast: isLast) else { return nil }
            return .changes(zookie: zookie, time: time, changes: Array(new), metadata: metadata, isLast: isLast)
        }
    }

    /// Events of `zookie`'s revision come: everything before has been handed out.
    private mutating func enter(_ zookie: Zookie) {
        if let revision, revision.zookie == zookie { return }
        if let revision {
            start = .after(revision.zookie)
        } else if case .now = start, zookie.revision > .zero {
            // Whatever came before was before the watch.
            let before = Revision(zookie.revision.rawValue - 1)
            start = .after(Zookie(clusterPrefix: zookie.clusterPrefix, epoch: zookie.epoch, revision: before))
        }
        revision = PartOfRevision(zookie)
    }
}

/// What has been handed out of one revision.
struct PartOfRevision: Sendable {
    let zookie: Zookie
    /// Changes that were handed out.
    private var changes = 0
    private var hasSchema = false
    private var hasLast = false
    /// Changes that came in the request under way.
    private var seen = 0

    init(_ zookie: Zookie) { self.zookie = zookie }

    /// The revision comes again from its beginning.
    mutating func restart() { seen = 0 }

    /// Whether the schema of this revision has not been handed out; takes note that it is now.
    mutating func takesSchema() -> Bool {
        defer { hasSchema = true }
        return !hasSchema
    }

    /// The part of `changes` that has not been handed out; nil if nothing of the event is new.
    mutating func new(in changes: [TupleChange], isLast: Bool) -> ArraySlice<TupleChange>? {
        let old = max(min(self.changes - seen, changes.count), 0)
        seen += changes.count
        self.changes = max(self.changes, seen)
        let isNew = old < changes.count || (isLast && !hasLast)
        hasLast = hasLast || isLast
        return isNew ? changes[old...] : nil
    }
}
