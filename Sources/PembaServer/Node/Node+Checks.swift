// Pemba: evaluating bursts of checks.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// Takes a check of a burst; it is answered when the batch is full or the burst ends.
    func take(_ payload: UnsafeRawBufferPointer, _ correlation: UInt64, of client: ClientConnection) {
        do throws(ByteError) {
            // A check that brings a context, tuples or a depth takes its turn in the queue.
            guard try batch.append(payload, correlation: correlation) else {
                let item = CheckBatch.Item(correlation: correlation, payload: payload)
                guard let job = admitCheck(item, of: client, arrived: client.burstArrived) else { return }
                evaluations.append(job)
                return scheduleTurn()
            }
        } catch {
            return refuse(correlation, of: client, ServiceError(decoding: error, of: .check))
        }
        if batch.isFull { evaluateBatch(of: client) }
    }

    /// Answers the checks that were taken, or lets them wait for their turn.
    func evaluateBatch(of client: ClientConnection) {
        guard batch.count > 0 else { return }
        defer { batch.clear() }
        guard client.isOpen else { return }
        // What a batch before this one in the burst took is not counted again.
        let arrived = client.burstArrived
        let start = max(arrived, batchEnd)
        // One question for all: the state and its age do not change while they are evaluated.
        if case .refused(let error) = replica.readiness(.minimizeLatency, at: start) {
            for item in batch.items { refuse(item.correlation, of: client, error) }
            return
        }
        guard !isTurnSpent else {
            for item in batch.items {
                if let job = admitCheck(item, of: client, arrived: arrived) { evaluations.append(job) }
            }
            return scheduleTurn()
        }
        let answered = evaluate(batch, of: client, arrived: arrived)
        batchEnd = SystemClock.now()
        noteSpent(batchEnd - start)
        metrics.answered(.check, after: batchEnd - arrived, times: answered)
    }

    /// Evaluates the checks of a batch and returns how many were answered.
    private func evaluate(_ batch: CheckBatch, of client: ClientConnection, arrived: Instant) -> Int {
        let limits = configuration.limits
        let graph = replica.stateMachine.graph
        let items = batch.items
        let answers = batch.answers
        var answered = items.count
        answers.begin(replica.zookie)
        graph.evaluateBatch(
            batch.views,
            slice: limits.evaluationSliceVisits,
            budget: limits.evaluationVisits,
            decide: { answers.append($1, correlation: items[$0].correlation) },
            other: { position, step in
                let item = items[position]
                switch step {
                case .done(let has): answers.append(has, correlation: item.correlation)
                case .conditional(let missing):
                    FrameWriter.checkAnswer(
                        Decision(.conditional, missingContext: missing),
                        zookie: EncodedZookie(self.replica.zookie),
                        correlation: item.correlation,
                        into: &client.connection.output
                    )
                case .suspended(let evaluation):
                    answered -= 1
                    self.suspend(evaluation, item, of: client, arrived: arrived)
                case .failed(let error): self.refuse(item.correlation, of: client, ServiceError(error))
                }
            }
        )
        answers.flush(into: &client.connection.output)
        return answered
    }

    private func refuse(_ correlation: UInt64, of client: ClientConnection, _ error: ServiceError) {
        metrics.failed(error.code)
        client.send(error, correlation: correlation)
    }

    /// Keeps an evaluation that needs more than a slice; it takes turns with the others.
    private func suspend(
        _ evaluation: Evaluation,
        _ item: CheckBatch.Item,
        of client: ClientConnection,
        arrived: Instant
    ) {
        metrics.evaluationsSuspended += 1
        let graph = replica.stateMachine.graph
        guard let job = admitCheck(item, of: client, arrived: arrived) else {
            graph.abandon(evaluation)
            return
        }
        job.begin(at: (graph.presentBasis, replica.zookie))
        job.suspended = evaluation
        evaluations.keep(job) { $0.release(graph) }
        scheduleTurn()
    }

    /// Makes a check of a burst wait for its turn; nil if there is no room, which the client is told.
    private func admitCheck(
        _ item: CheckBatch.Item,
        of client: ClientConnection,
        arrived: Instant
    ) -> EvaluationJob? {
        let request = PendingRequest(
            client: client,
            correlation: item.correlation,
            arrived: arrived,
            deadline: deadline(of: item.payload, from: arrived),
            bytes: item.payload.count,
            work: .evaluation(.check, payload: [])
        )
        guard admit(request) else { return nil }
        return EvaluationJob(request, copying: item.payload)
    }

    // MARK: - Time

    /// Whether the evaluations of bursts have had their share of this turn: others wait for the queue's turn.
    var isTurnSpent: Bool { spentInTurn >= Node.turnBudget }

    /// Counts time spent on a burst.
    ///
    /// The turn's end forgets it; asking for that costs a task, so short turns do not.
    func noteSpent(_ span: TimeSpan) {
        spentInTurn = spentInTurn + span
        guard !isSpentResetScheduled, spentInTurn * 4 >= Node.turnBudget else { return }
        isSpentResetScheduled = true
        loop.assumeIsolated().execute {
            self.isSpentResetScheduled = false
            self.spentInTurn = .zero
        }
    }
}
