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
    /// Takes up an admitted read that may be evaluated now: at once if nothing is before it.
    func evaluate(_ request: PendingRequest, _ payload: UnsafeRawBufferPointer) {
        evaluations.append(EvaluationJob(request, copying: payload, visits: visits(of: request.kind)))
        guard evaluations.count == 1, !isTurnSpent, !isApplyPending else { return scheduleTurn() }
        let start = SystemClock.now()
        runEvaluations(for: Node.turnBudget)
        noteSpent(SystemClock.now() - start)
    }

    /// Lets a turn of queued work follow after the loop has looked at its sockets.
    func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        loop.assumeIsolated().scheduleTask(in: Node.pause) {
            self.isTurnScheduled = false
            self.runTurn()
        }
    }

    private func runTurn() {
        guard phase != .stopped else { return }
        let start = SystemClock.now()
        // What is committed comes before the next evaluation; both wait for the one under way.
        installArrivedSnapshot()
        applyCommitted()
        let spent = SystemClock.now() - start
        if spent < Node.turnBudget { runEvaluations(for: Node.turnBudget.minus(spent)) }
        if evaluations.count > 0 || isApplyPending || arrivedSnapshot != nil {
            metrics.turnsExhausted += 1
            scheduleTurn()
        }
    }

    /// Works on the queue for some time.
    private func runEvaluations(for span: TimeSpan) {
        let end = SystemClock.now() + span
        while SystemClock.now() < end {
            if evaluations.current == nil {
                installArrivedSnapshot()
                if isApplyPending {
                    applyCommitted()
                    if isApplyPending { return }
                }
                guard let job = evaluations.next() else { return }
                guard begin(job) else { continue }
            }
            guard let job = evaluations.current else { return }
            runSlice(of: job)
        }
        if evaluations.count > 0 { scheduleTurn() }
    }

    /// Whether a job may still be evaluated; otherwise it is answered.
    private func begin(_ job: EvaluationJob) -> Bool {
        var error: ServiceError?
        let now = SystemClock.now()
        if job.stream == nil, now >= job.request.deadline {
            error = .deadlineExceeded
        } else if case .refused(let refusal) = replica.readiness(.minimizeLatency, at: now) {
            error = refusal
        }
        guard !isCancelled(job) else { return false }
        guard error == nil, job.request.client.isOpen else {
            end(job, error ?? .deadlineExceeded)
            return false
        }
        return true
    }

    /// Drops a job whose client does not want its answer any more, and has been told nothing yet.
    private func isCancelled(_ job: EvaluationJob) -> Bool {
        guard job.stream == nil, job.request.client.unopened[job.request.correlation] == true else { return false }
        drop(job)
        complete(job.request)
        return true
    }

    private func runSlice(of job: EvaluationJob) {
        if isCancelled(job) { return }
        // The first part of a stream is what its client waits for.
        let isLate = job.stream == nil && SystemClock.now() >= job.request.deadline
        if isLate || !job.request.client.isOpen { return end(job, .deadlineExceeded) }
        do throws(RequestError) {
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
            case .command: preconditionFailure("a command was taken for a read")
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
        job.state = state
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
            zookie: EncodedZookie(job.state?.zookie ?? replica.zookie),
            correlation: request.correlation,
            into: &request.client.connection.output
        )
        end(job, nil)
    }

    /// The job has its answer, or this error.
    func end(_ job: EvaluationJob, _ error: ServiceError?) {
        release(job)
        evaluations.current = nil
        if let stream = job.stream, let error {
            fail(stream, error)
        } else if let error {
            fail(job.request, error)
        } else {
            complete(job.request)
        }
    }

    /// Lets go of everything that is valid only while the graph stays as it is.
    func release(_ job: EvaluationJob) {
        if let suspended = job.suspended {
            job.suspended = nil
            replica.stateMachine.graph.abandon(suspended)
        }
        job.lookup = nil
        job.state = nil
    }

    /// Lets others come first; the job begins anew, or goes on where it can, when its turn comes again.
    func requeue(_ job: EvaluationJob) {
        release(job)
        evaluations.current = nil
        evaluations.append(job)
    }

    // MARK: - Tuples and schema

    private func runRead(_ job: EvaluationJob, _ read: ReadRequest) throws(RequestError) {
        let graph = replica.stateMachine.graph
        let state = try state(Consistency(read.consistency, continuing: read.cursor?.zookie))
        job.state = state
        do throws(GraphError) {
            try graph.validate(read.filter, in: state.basis)
        } catch {
            throw .graph(error)
        }
        switch graph.read(read.filter, in: state.basis, after: read.cursor?.last, limit: read.limit) {
        case .page(let tuples, let next):
            let answer = ReadAnswer(tuples: tuples, next: next.map { ReadCursor(last: $0) }, zookie: state.zookie)
            let request = job.request
            request.client.send(.readAnswer, request.correlation) { answer.encode(for: read, into: &$0) }
            end(job, nil)
        case .again:
            // The graph goes on where it was, whatever is written meanwhile: others come first.
            requeue(job)
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
