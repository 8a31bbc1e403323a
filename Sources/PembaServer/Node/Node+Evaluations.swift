// Pemba: reads that wait for their turn.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaReplica
import PembaSchema
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
        if now >= job.request.deadline {
            error = .deadlineExceeded
        } else if case .refused(let refusal) = replica.readiness(.minimizeLatency, at: now) {
            error = refusal
        }
        guard error == nil, job.request.client.isOpen else {
            evaluations.current = nil
            fail(job.request, error ?? .deadlineExceeded)
            return false
        }
        return true
    }

    private func runSlice(of job: EvaluationJob) {
        if SystemClock.now() >= job.request.deadline || !job.request.client.isOpen {
            return end(job, .deadlineExceeded)
        }
        do throws(ByteError) {
            switch job.request.work {
            case .evaluation(.bulkCheck, _): try runBulk(job)
            case .evaluation: try runCheck(job)
            case .read(let read): runRead(job, read)
            case .readSchema: readSchema(job)
            case .command: preconditionFailure("a command was taken for a read")
            }
        } catch {
            end(job, ServiceError(decoding: error, of: job.request.kind.frame))
        }
    }

    private func runCheck(_ job: EvaluationJob) throws(ByteError) {
        let limits = configuration.limits
        let graph = replica.stateMachine.graph
        let step: EvaluationStep
        if let suspended = job.suspended {
            job.suspended = nil
            step = graph.resume(suspended, slice: limits.evaluationSliceVisits)
        } else {
            let view = try CheckRequestView(decoding: job.payload).check
            do throws(GraphError) {
                let check = try graph.resolve(view)
                step = graph.evaluate(check, slice: limits.evaluationSliceVisits, budget: limits.evaluationVisits)
            } catch {
                return end(job, ServiceError(error))
            }
        }
        switch step {
        case .suspended(let evaluation): job.suspended = evaluation
        case .budgetExceeded: end(job, .budgetExceeded(limits.evaluationVisits))
        case .done(let has):
            let request = job.request
            FrameWriter.checkAnswer(
                has ? .hasPermission : .noPermission,
                zookie: EncodedZookie(replica.zookie),
                correlation: request.correlation,
                into: &request.client.connection.output
            )
            end(job, nil)
        }
    }

    /// The job has its answer, or this error.
    func end(_ job: EvaluationJob, _ error: ServiceError?) {
        if let suspended = job.suspended {
            job.suspended = nil
            replica.stateMachine.graph.abandon(suspended)
        }
        evaluations.current = nil
        if let error {
            fail(job.request, error)
        } else {
            complete(job.request)
        }
    }

    // MARK: - Tuples and schema

    private func runRead(_ job: EvaluationJob, _ read: ReadRequest) {
        let graph = replica.stateMachine.graph
        do throws(GraphError) {
            try graph.validate(read.filter)
        } catch {
            return end(job, ServiceError(error))
        }
        switch graph.read(read.filter, after: read.cursor?.last, limit: read.limit) {
        case .page(let tuples, let next):
            let answer = ReadAnswer(tuples: tuples, next: next.map { ReadCursor(last: $0) }, zookie: replica.zookie)
            let request = job.request
            request.client.send(.readAnswer, request.correlation) { answer.encode(filter: read.filter, into: &$0) }
            end(job, nil)
        case .again:
            // The graph goes on where it was, whatever is written meanwhile: others come first.
            evaluations.current = nil
            evaluations.append(job)
        }
    }

    private func readSchema(_ job: EvaluationJob) {
        guard let schema = replica.stateMachine.schema else { return end(job, ServiceError(GraphError.noSchema)) }
        let answer = SchemaAnswer(source: schema.source, zookie: replica.zookie)
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
