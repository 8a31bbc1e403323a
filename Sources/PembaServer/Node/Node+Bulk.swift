// Pemba: evaluating bulk checks.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// Evaluation budgets that all checks of a bulk have together: while a bulk is under way nothing is applied.
    private static let budgetsPerBulk = 8
    /// Checks of a bulk that are evaluated between two looks at the clock.
    private static let bulkStep = 64
    /// The first slice of each check of a bulk, in visits.
    private static let bulkSlice = 512

    /// How many visits a request may make in all.
    func visits(of kind: RequestKind) -> Int {
        configuration.limits.evaluationVisits * (kind == .bulkCheck ? Node.budgetsPerBulk : 1)
    }

    /// Does the next step of a bulk: first a short slice of every check, then those that need more, one by one.
    func runBulk(_ job: EvaluationJob) throws(ByteError) {
        if job.views.isEmpty {
            var request = try BulkCheckRequestView(decoding: job.payload)
            try request.readAll(into: &job.views)
            job.results = Array(repeating: nil, count: job.views.count)
        }
        if job.tried < job.views.count {
            tryNext(of: job)
        } else if let position = job.slow.last {
            runSlow(position, of: job)
        }
        if job.tried == job.views.count, job.slow.isEmpty { finishBulk(job) }
    }

    private func tryNext(of job: EvaluationJob) {
        let range = job.tried..<min(job.tried + Node.bulkStep, job.views.count)
        let graph = replica.stateMachine.graph
        let limits = configuration.limits
        job.views.withUnsafeBufferPointer { views in
            let slice = min(limits.evaluationSliceVisits, Node.bulkSlice)
            let group = UnsafeBufferPointer(rebasing: views[range])
            graph.evaluateBatch(group, slice: slice, budget: limits.evaluationVisits) { offset, outcome in
                let position = range.lowerBound + offset
                switch outcome {
                case .done(let has): job.results[position] = .success(has ? .hasPermission : .noPermission)
                case .budgetExceeded: job.results[position] = .failure(.budgetExceeded(limits.evaluationVisits))
                case .refused(let error): job.results[position] = .failure(ServiceError(error))
                case .suspended(let evaluation):
                    // Only one evaluation is kept; what this one found out in its short slice is found out again.
                    graph.abandon(evaluation)
                    job.slow.append(position)
                }
            }
        }
        job.tried = range.upperBound
    }

    private func runSlow(_ position: Int, of job: EvaluationJob) {
        let limits = configuration.limits
        let graph = replica.stateMachine.graph
        let slice = limits.evaluationSliceVisits
        job.visitsLeft -= slice
        let step: EvaluationStep
        if let suspended = job.suspended {
            job.suspended = nil
            step = graph.resume(suspended, slice: slice)
        } else {
            do throws(GraphError) {
                let check = try graph.resolve(job.views[position])
                step = graph.evaluate(check, slice: slice, budget: limits.evaluationVisits)
            } catch {
                job.results[position] = .failure(ServiceError(error))
                job.slow.removeLast()
                return
            }
        }
        switch step {
        case .done(let has): job.results[position] = .success(has ? .hasPermission : .noPermission)
        case .budgetExceeded: job.results[position] = .failure(.budgetExceeded(limits.evaluationVisits))
        case .suspended(let evaluation):
            guard job.visitsLeft <= 0 else {
                job.suspended = evaluation
                return
            }
            graph.abandon(evaluation)
            job.results[position] = .failure(.bulkBudgetExceeded(visits(of: .bulkCheck)))
        }
        job.slow.removeLast()
    }

    private func finishBulk(_ job: EvaluationJob) {
        let request = job.request
        FrameWriter.frame(
            type: .bulkCheckAnswer,
            correlation: request.correlation,
            into: &request.client.connection.output
        ) { output in
            let zookie = EncodedZookie(replica.zookie)
            BulkCheckAnswerWriter.begin(count: job.results.count, zookie: zookie, into: &output)
            for result in job.results {
                switch result {
                case .success(let permissionship): BulkCheckAnswerWriter.item(permissionship, into: &output)
                case .failure(let error): BulkCheckAnswerWriter.item(error, into: &output)
                case nil: preconditionFailure("a bulk check was finished before all of its checks")
                }
            }
        }
        end(job, nil)
    }
}
