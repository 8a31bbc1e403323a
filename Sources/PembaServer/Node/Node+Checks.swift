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
    /// Checks that are resolved together, so that their cache misses overlap.
    static let batchSize = 16

    /// Answers the checks of a burst, or lets them wait for their turn.
    func evaluateBurst(of client: ClientConnection, arrived: Instant) {
        guard !burst.isEmpty else { return }
        var taken = CheckBurst()
        swap(&taken, &burst)
        defer {
            taken.clear()
            burst = taken
        }
        // One question for the whole burst: the state and its age do not change while it is evaluated.
        if case .refused(let error) = replica.readiness(.minimizeLatency, at: Node.time()) {
            for item in taken.items { refuse(item, of: client, error) }
            return
        }
        let zookie = EncodedZookie(replica.zookie)
        var position = 0
        var answered = 0
        var now = arrived
        while position < taken.items.count, !isTurnSpent {
            let end = min(position + Node.batchSize, taken.items.count)
            answered += evaluate(taken, position..<end, of: client, arrived: arrived, zookie: zookie)
            position = end
            let start = now
            now = SystemClock.now()
            noteSpent(now - start)
        }
        metrics.answered(.check, after: now - arrived, times: answered)
        guard position < taken.items.count else { return }
        for item in taken.items[position...] {
            if let job = admitCheck(taken, item, of: client, arrived: arrived) { evaluations.append(job) }
        }
        scheduleTurn()
    }

    /// Evaluates some checks of a burst and returns how many were answered.
    private func evaluate(
        _ burst: CheckBurst,
        _ range: Range<Int>,
        of client: ClientConnection,
        arrived: Instant,
        zookie: EncodedZookie
    ) -> Int {
        let limits = configuration.limits
        let graph = replica.stateMachine.graph
        var answered = range.count
        burst.bytes.withUnsafeBytes { bytes in
            decode(burst.items[range], in: bytes, of: client)
            views.withUnsafeBufferPointer { views in
                graph.evaluateBatch(views, slice: limits.evaluationSliceVisits, budget: limits.evaluationVisits) {
                    let item = viewItems[$0]
                    switch $1 {
                    case .done(let has):
                        FrameWriter.checkAnswer(
                            has ? .hasPermission : .noPermission,
                            zookie: zookie,
                            correlation: item.correlation,
                            into: &client.connection.output
                        )
                    case .suspended(let evaluation):
                        answered -= 1
                        suspend(evaluation, burst, item, of: client, arrived: arrived)
                    case .budgetExceeded:
                        refuse(item, of: client, .budgetExceeded(limits.evaluationVisits))
                    case .refused(let error): refuse(item, of: client, ServiceError(error))
                    }
                }
            }
        }
        return answered
    }

    /// Fills `views` and `viewItems`; what cannot be decoded is answered.
    private func decode(
        _ items: ArraySlice<CheckBurst.Item>,
        in bytes: UnsafeRawBufferPointer,
        of client: ClientConnection
    ) {
        views.removeAll(keepingCapacity: true)
        viewItems.removeAll(keepingCapacity: true)
        for item in items {
            let payload = UnsafeRawBufferPointer(rebasing: bytes[item.start..<(item.start + item.count)])
            do throws(ByteError) {
                views.append(try CheckRequestView(decoding: payload).check)
                viewItems.append(item)
            } catch {
                refuse(item, of: client, ServiceError(decoding: error, of: .check))
            }
        }
    }

    private func refuse(_ item: CheckBurst.Item, of client: ClientConnection, _ error: ServiceError) {
        metrics.failed(error.code)
        client.send(error, correlation: item.correlation)
    }

    /// Keeps an evaluation that needs more than a slice; if another is under way, it starts over when its turn comes.
    private func suspend(
        _ evaluation: Evaluation,
        _ burst: CheckBurst,
        _ item: CheckBurst.Item,
        of client: ClientConnection,
        arrived: Instant
    ) {
        metrics.evaluationsSuspended += 1
        let graph = replica.stateMachine.graph
        guard let job = admitCheck(burst, item, of: client, arrived: arrived) else {
            graph.abandon(evaluation)
            return
        }
        if evaluations.isSuspended {
            graph.abandon(evaluation)
            evaluations.append(job)
        } else {
            job.suspended = evaluation
            evaluations.current = job
        }
        scheduleTurn()
    }

    /// Makes a check of a burst wait for its turn; nil if there is no room, which the client is told.
    private func admitCheck(
        _ burst: CheckBurst,
        _ item: CheckBurst.Item,
        of client: ClientConnection,
        arrived: Instant
    ) -> EvaluationJob? {
        burst.withPayload(item) { payload in
            let request = PendingRequest(
                client: client,
                correlation: item.correlation,
                arrived: arrived,
                deadline: deadline(of: payload, from: arrived),
                bytes: payload.count,
                work: .evaluation(.check, payload: [])
            )
            guard admit(request) else { return nil }
            return EvaluationJob(request, copying: payload, visits: visits(of: .check))
        }
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
