// Pemba: reads that wait for their turn.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// How long those that need more than a slice may go on before the loop looks at its sockets, where the next check
    /// may wait.
    private static let underWayBudget = TimeSpan.milliseconds(1)
    /// What evaluations get of a turn even if applying used it up.
    private static let leastBudget = TimeSpan.milliseconds(1)
    /// How long evaluations may hold up applying on a node without history, where they cannot go on afterwards.
    private static let applyDelayMax = TimeSpan.seconds(1)

    /// Takes up an admitted read that may be evaluated now: it has its first slice at once, unless others wait for
    /// theirs.
    func evaluate(_ request: PendingRequest, _ payload: UnsafeRawBufferPointer) {
        let isFirst = !evaluations.hasNewcomers
        evaluations.append(EvaluationJob(request, copying: payload))
        guard isFirst, !isTurnSpent, !isApplyPending, evaluations.current == nil else { return scheduleTurn() }
        let start = SystemClock.now()
        if let job = evaluations.next() { runSlice(of: job) }
        noteSpent(SystemClock.now() - start)
        if evaluations.count > 0 { scheduleTurn() }
    }

    /// Lets a turn of queued work follow after the loop has looked at its sockets.
    func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        turns.append {
            self.isTurnScheduled = false
            self.runTurn()
        }
    }

    private func runTurn() {
        guard phase != .stopped else { return }
        let start = SystemClock.now()
        // What is committed comes first; those under way go on at their own states afterwards.
        installArrivedSnapshot()
        applyCommitted()
        let spent = SystemClock.now() - start
        runEvaluations(for: max(Node.turnBudget.minus(spent), Node.leastBudget))
        if evaluations.count > 0 || isApplyPending || arrivedSnapshot != nil {
            metrics.turnsExhausted += 1
            scheduleTurn()
        }
    }

    /// Works on the queue for some time.
    private func runEvaluations(for span: TimeSpan) {
        let start = SystemClock.now()
        var now = start
        while now - start < span {
            // Without history entries wait for those under way, and so does everybody else.
            let waits = isApplyPending && evaluations.isAnyUnderWay && !keepsHistory
            guard let job = waits ? evaluations.nextUnderWay() : evaluations.next() else { break }
            let isUnanswered = job.stream == nil
            runSlice(of: job)
            // The first part of an answer leaves at the end of this turn: it does not wait for others.
            if isUnanswered, job.stream != nil { break }
            now = SystemClock.now()
            if !evaluations.hasNewcomers, now - start >= Node.underWayBudget { break }
        }
        if evaluations.count > 0 { scheduleTurn() }
    }

    /// Whether evaluations can go on at their own states once the graph has changed.
    private var keepsHistory: Bool { configuration.history.changes > 0 }

    /// Lets those under way let go of the graph, which is about to change; false if they cannot and it has to wait.
    func releaseGraph() -> Bool {
        let graph = replica.stateMachine.graph
        guard keepsHistory else {
            guard evaluations.isAnyUnderWay else { return true }
            guard SystemClock.now() - applyAnnounced >= Node.applyDelayMax else { return false }
            endUnderWay(ServiceError(GraphError.tooOld(oldest: graph.revision)))
            return true
        }
        evaluations.forEachUnderWay { $0.hold(graph) }
        return true
    }

    /// Gives up those under way: whoever has not been told anything begins anew, the others end with an error.
    func restartUnderWay(_ error: ServiceError) {
        for job in evaluations.takeUnderWay() {
            guard job.stream == nil else {
                end(job, error)
                continue
            }
            release(job)
            evaluations.append(job)
        }
        scheduleTurn()
    }

    private func endUnderWay(_ error: ServiceError) {
        for job in evaluations.takeUnderWay() { end(job, error) }
    }

    /// Whether the state is fresh enough to begin a job; otherwise it is answered.
    private func mayBegin(_ job: EvaluationJob) -> Bool {
        guard case .refused(let error) = replica.readiness(.minimizeLatency, at: SystemClock.now()) else { return true }
        end(job, error)
        return false
    }

    /// Drops a job whose client does not want its answer any more.
    private func isCancelled(_ job: EvaluationJob) -> Bool {
        let (client, correlation) = (job.request.client, job.request.correlation)
        if let stream = job.stream {
            guard client.streams[correlation] !== stream else { return false }
            drop(job)
            return true
        }
        guard client.unopened[correlation] == true else { return false }
        drop(job)
        complete(job.request)
        return true
    }

    /// Does one slice of the current job; if it needs more, it takes turns with the others.
    private func runSlice(of job: EvaluationJob) {
        if isCancelled(job) { return }
        // The first part of a stream is what its client waits for.
        let isLate = job.stream == nil && SystemClock.now() >= job.request.deadline
        if isLate || !job.request.client.isOpen { return end(job, .deadlineExceeded) }
        let isNew = !job.hasBegun
        guard !isNew || mayBegin(job) else { return }
        runStep(of: job)
        guard evaluations.current === job else { return }
        if isNew { metrics.evaluationsSuspended += 1 }
        evaluations.keep(job) { release($0) }
    }

    private func runStep(of job: EvaluationJob) {
        do throws(RequestError) {
            try job.move(to: replica.stateMachine.graph)
            switch job.request.work {
            case .evaluation(.bulkCheck, _): try runBulk(job)
            case .evaluation: try runCheck(job)
            case .read(let read): try runRead(job, read)
            case .readSchema(let consistency): try readSchema(job, consistency)
            case .permissions(let request): try answerPermissions(job, request)
            case .expand(let request): try answerExpand(job, request)
            case .explain(let request): try answerExplain(job, request)
            case .lookupResources(let request, let window): try runLookup(job, request, window: window)
            case .lookupSubjects(let request, let window): try runLookup(job, request, window: window)
            case .export(let request, let window): try runExport(job, request, window: window)
            case .watch(let request, let window): try beginWatch(job, request, window: window)
            case .command, .membership: preconditionFailure("a command was taken for a read")
            }
        } catch {
            end(job, error.serviceError(job.request.kind.frame))
        }
    }

    private func runCheck(_ job: EvaluationJob) throws(RequestError) {
        let limits = configuration.limits
        let graph = replica.stateMachine.graph
        let step: EvaluationStep
        if let suspended = job.suspended {
            job.suspended = nil
            step = graph.resume(suspended, slice: limits.evaluationSliceVisits)
        } else {
            step = try beginCheck(job)
        }
        switch step {
        case .suspended(let evaluation): job.suspended = evaluation
        case .failed(let error): throw .graph(error)
        case .done(let has): answer(job, has ? .has : .hasNot)
        case .conditional(let missing): answer(job, Decision(.conditional, missingContext: missing))
        }
    }

    private func beginCheck(_ job: EvaluationJob) throws(RequestError) -> EvaluationStep {
        let graph = replica.stateMachine.graph
        let limits = configuration.limits
        let request = try RequestError.decoding { () throws(ByteError) in try CheckRequestView(decoding: job.payload) }
        let tuples = try RequestError.decoding { () throws(ByteError) in
            try [RelationTuple](contextualTuples: request.contextualTuples)
        }
        let context = try RequestError.decoding { () throws(ByteError) in
            try ContextObject(requestContext: request.context)
        }
        let state = try state(request.consistency, adding: tuples)
        job.begin(at: state)
        do throws(GraphError) {
            return graph.evaluate(
                try graph.resolve(request.check, in: state.basis),
                in: state.basis,
                context: context,
                depth: request.maxDepth.map { Int($0) } ?? .max,
                slice: limits.evaluationSliceVisits,
                budget: limits.evaluationVisits
            )
        } catch {
            throw .graph(error)
        }
    }

    private func answer(_ job: EvaluationJob, _ decision: Decision) {
        let request = job.request
        FrameWriter.checkAnswer(
            decision,
            zookie: EncodedZookie(job.zookie ?? replica.zookie),
            correlation: request.correlation,
            into: &request.client.connection.output
        )
        end(job, nil)
    }

    /// The job has its answer, or this error.
    func end(_ job: EvaluationJob, _ error: ServiceError?) {
        drop(job)
        if let stream = job.stream, let error {
            fail(stream, error)
        } else if let error {
            fail(job.request, error)
        } else {
            complete(job.request)
        }
    }

    private func release(_ job: EvaluationJob) { job.release(replica.stateMachine.graph) }

    /// Lets go of a job whose slice it may be.
    ///
    /// If it is answered by a stream, that goes on by itself.
    func drop(_ job: EvaluationJob) {
        release(job)
        if evaluations.current === job { evaluations.endCurrent() }
    }

    /// Lets others come first; the job begins anew, or goes on where it can, when its turn comes again.
    func requeue(_ job: EvaluationJob) {
        drop(job)
        evaluations.append(job)
    }

    // MARK: - Tuples and schema

    private func runRead(_ job: EvaluationJob, _ read: ReadRequest) throws(RequestError) {
        let graph = replica.stateMachine.graph
        if !job.hasBegun {
            let state = try state(Consistency(read.consistency, continuing: read.cursor?.zookie))
            try RequestError.asking { () throws(GraphError) in try graph.validate(read.filter, in: state.basis) }
            job.begin(at: state)
            job.page = ReadProgress(isOnePage: true)
        }
        guard let basis = job.basis, let zookie = job.zookie, let page = job.page else { return }
        let step = graph.read(read.filter, in: basis, after: read.cursor?.last, limit: read.limit, progress: page)
        switch step {
        case .page(let tuples, let next):
            let answer = ReadAnswer(tuples: tuples, next: next.map { ReadCursor(last: $0) }, zookie: zookie)
            let request = job.request
            request.client.send(.readAnswer, request.correlation) { answer.encode(for: read, into: &$0) }
            end(job, nil)
        case .again:
            // What it has found out of a row is good at its own revision only. The order of entities is the graph's, which
            // goes on where it was, whatever is written meanwhile: others come first.
            if !page.isUnderWay { requeue(job) }
        }
    }

    private func readSchema(_ job: EvaluationJob, _ consistency: Consistency) throws(RequestError) {
        let state = try state(consistency)
        guard let source = state.basis.schemaSource else { throw .graph(.noSchema) }
        let answer = SchemaAnswer(source: source, zookie: state.zookie)
        job.request.client.send(.readSchemaAnswer, job.request.correlation) { answer.encode(into: &$0) }
        end(job, nil)
    }
}

extension TimeSpan {
    /// What is left of this after `part`; zero if that is more.
    fileprivate func minus(_ part: TimeSpan) -> TimeSpan {
        TimeSpan(nanoseconds: nanoseconds > part.nanoseconds ? nanoseconds - part.nanoseconds : 0)
    }
}
