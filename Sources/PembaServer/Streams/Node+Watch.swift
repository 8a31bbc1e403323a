// Pemba: telling watchers what changes.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaWire

extension Node {
    /// Changes that are looked at in one go.
    private static let changesPerStep = 2_000
    /// Looks at the history in one call, so that one watcher does not keep the loop.
    private static let stepsPerCall = 16
    /// How long a watcher hears nothing before it is told that all is well.
    private static let heartbeat = TimeSpan.seconds(5)
    /// Tuples of a snapshot that are sent in one go.
    private static let snapshotPage = 1_000

    /// Begins to tell a client what changes; the replica has found the start's revision applied.
    func beginWatch(_ job: EvaluationJob, _ request: WatchRequest, window: Int) throws(RequestError) {
        guard phase == .running else { throw .service(.shuttingDown) }
        let graph = replica.stateMachine.graph
        guard configuration.history.changes > 0 else {
            throw .service(ServiceError(.unsupported, "this node keeps no history (history.changes), and cannot watch"))
        }
        try RequestError.asking { () throws(GraphError) in
            for filter in request.filters { try graph.validate(filter) }
        }
        var start = graph.revision
        var snapshot: ExportProgress?
        switch request.start {
        case .now: break
        case .after(let zookie):
            start = zookie.revision
            guard graph.reaches(HistoryPlace(after: start)) else { throw .graph(.tooOld(oldest: graph.oldestRevision)) }
        case .snapshot:
            snapshot = ExportProgress(filter: RelationshipFilter(), zookie: replica.zookie(for: start))
        }
        let progress = WatchProgress(
            request: request,
            place: HistoryPlace(after: start),
            snapshot: snapshot,
            told: start,
            active: SystemClock.now()
        )
        drop(job)
        let stream = open(job.request, window: window, source: .watch(progress))
        // The first word says that the watch has begun, and from where.
        if snapshot == nil { send(.checkpoint(zookie: replica.zookie(for: start)), on: stream) }
        pump(stream)
    }

    /// Looks for changes that a watcher has not been told of.
    func watch(_ stream: AnswerStream) {
        guard case .watch(var progress) = stream.source else { return }
        guard replica.isFresh(at: SystemClock.now()) else {
            return fail(
                stream,
                ServiceError(.stale, "this node is out of touch with the leader; watch on another node")
            )
        }
        do throws(GraphError) {
            if progress.snapshot != nil {
                try watchSnapshot(stream, &progress)
            } else {
                try watchChanges(stream, &progress)
            }
            stream.source = .watch(progress)
        } catch {
            var refusal = ServiceError(error)
            if case .tooOld = error {
                refusal = ServiceError(
                    .watcherTooSlow,
                    "the watcher takes changes more slowly than they come: those after revision \(progress.told) are not kept "
                        + "any more; begin with a snapshot",
                    details: [.init("oldest", replica.stateMachine.graph.oldestRevision.description)]
                )
            }
            fail(stream, refusal)
        }
    }

    private func watchChanges(_ stream: AnswerStream, _ progress: inout WatchProgress) throws(GraphError) {
        let graph = replica.stateMachine.graph
        for _ in 0..<Node.stepsPerCall where stream.parts.isEmpty {
            guard let item = try graph.nextItem(after: &progress.place, limit: Node.changesPerStep) else { return }
            switch item {
            case .schema(let revision, let source):
                progress.told = revision
                if progress.open == revision {
                    progress.open = nil
                    let zookie = replica.zookie(for: revision)
                    let time = graph.time(of: revision)
                    let last = WatchEvent.changes(
                        zookie: zookie,
                        time: time,
                        changes: [],
                        metadata: .empty,
                        isLast: true
                    )
                    send(last, on: stream, &progress)
                }
                guard progress.request.includesSchema else { continue }
                send(.schema(zookie: replica.zookie(for: revision), source: source), on: stream, &progress)
            case .changes(let revision, let time, let changes, let metadata, let isLast):
                let wanted = changes.filter { progress.wants($0.tuple) }
                guard !wanted.isEmpty || (isLast && progress.open == revision) else { continue }
                progress.told = revision
                progress.open = isLast ? nil : revision
                let zookie = replica.zookie(for: revision)
                var events = WatchEvent.events(ofChanges: wanted, zookie: zookie, time: time, metadata: metadata)
                if !isLast, case .changes(let zookie, let time, let changes, _, _)? = events.popLast() {
                    events.append(
                        .changes(zookie: zookie, time: time, changes: changes, metadata: .empty, isLast: false)
                    )
                }
                for event in events { send(event, on: stream, &progress) }
            }
        }
        // There is more to look at than one call may; the loop's other work comes first.
        if stream.parts.isEmpty { pumpLater(stream) }
    }

    private func watchSnapshot(_ stream: AnswerStream, _ progress: inout WatchProgress) throws(GraphError) {
        guard var snapshot = progress.snapshot else { return }
        let graph = replica.stateMachine.graph
        let basis = try graph.basis(at: snapshot.zookie.revision)
        let step = graph.read(
            snapshot.filter,
            in: basis,
            after: snapshot.after,
            limit: Node.snapshotPage,
            progress: snapshot.pages
        )
        switch step {
        case .again:
            pumpLater(stream)
        case .page(let tuples, let next):
            let wanted = tuples.filter { progress.wants($0) }
            for event in WatchEvent.events(ofTuples: wanted) { send(event, on: stream, &progress) }
            snapshot.after = next
            progress.snapshot = next == nil ? nil : snapshot
            if next == nil { send(.checkpoint(zookie: snapshot.zookie), on: stream, &progress) }
            if stream.parts.isEmpty { pumpLater(stream) }
        }
    }

    private func send(_ event: WatchEvent, on stream: AnswerStream, _ progress: inout WatchProgress) {
        send(event, on: stream)
        progress.active = SystemClock.now()
    }

    private func send(_ event: WatchEvent, on stream: AnswerStream) {
        let zookie = EncodedZookie(replica.zookie)
        stream.append { output in
            var part = StreamPart<WatchEvent>(
                zookie: zookie,
                correlation: stream.request.correlation,
                into: &output
            )
            _ = part.append(event, into: &output)
            _ = part.end(in: &output)
        }
    }

    // MARK: - Occasions

    /// Entries were applied: whoever watches may have something to hear.
    func tellWatchers() {
        forEachWatch { stream in
            if stream.credit > 0, stream.parts.isEmpty { pump(stream) }
        }
    }

    /// Tells a watcher that hears nothing that all is well, or that it is not.
    func beat(_ stream: AnswerStream) {
        // Where nothing is applied any more, nobody would otherwise notice that changes stay away.
        guard replica.isFresh(at: SystemClock.now()) else { return watch(stream) }
        watchIfBehind(stream)
        guard case .watch(var progress) = stream.source, progress.snapshot == nil, progress.open == nil,
            stream.parts.isEmpty, SystemClock.now() - progress.active >= Node.heartbeat
        else { return }
        let reached = progress.place.revision
        send(.checkpoint(zookie: replica.zookie(for: reached)), on: stream, &progress)
        progress.told = reached
        stream.source = .watch(progress)
        pump(stream)
    }

    /// A watcher without credit is not asked what it wants: whether it has fallen behind the history is seen here.
    private func watchIfBehind(_ stream: AnswerStream) {
        guard case .watch(let progress) = stream.source, stream.credit == 0 || !stream.parts.isEmpty else { return }
        let graph = replica.stateMachine.graph
        if !graph.reaches(progress.place) { watch(stream) }
    }

    /// The node stops: watchers go on elsewhere after what they have.
    func endWatches() {
        forEachWatch { stream in
            guard case .watch(let progress) = stream.source else { return }
            // Whoever has not been sent everything goes on from what it has got.
            guard stream.parts.isEmpty, progress.snapshot == nil, progress.open == nil else {
                return fail(stream, .shuttingDown)
            }
            var writer = ByteWriter()
            FrameWriter.frame(type: .watchAnswer, correlation: stream.request.correlation, into: &writer) { output in
                WatchEnd(zookie: self.replica.zookie(for: progress.told)).encode(into: &output)
            }
            stream.clear()
            stream.ending = writer.bytes
            pump(stream)
        }
    }
}
