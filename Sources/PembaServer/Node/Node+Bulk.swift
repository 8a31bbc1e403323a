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
    func runBulk(_ job: EvaluationJob) throws(RequestError) {
        if job.state == nil { try beginBulk(job) }
        guard let basis = job.state?.basis else { return }
        if job.tried < job.views.count {
            if basis === replica.stateMachine.graph.presentBasis, job.contexts.isEmpty, job.depth == .max {
                tryNextPlain(of: job)
            } else {
                try tryNext(of: job, basis)
            }
        } else if let position = job.slow.last {
            try runSlow(position, of: job, basis)
        }
        if job.tried == job.views.count, job.slow.isEmpty { finishBulk(job) }
    }

    private func beginBulk(_ job: EvaluationJob) throws(RequestError) {
        var request = try RequestError.decoding { () throws(ByteError) in
            try BulkCheckRequestView(decoding: job.payload)
        }
        job.depth = request.maxDepth.map { Int($0) } ?? .max
        let tuples = try RequestError.decoding { () throws(ByteError) in
            try [RelationTuple](contextualTuples: request.contextualTuples)
        }
        do throws(ByteError) {
            try request.readAll(into: &job.views, contexts: &job.contexts)
        } catch {
            throw .bytes(error)
        }
        job.results = Array(repeating: nil, count: job.views.count)
        job.state = try state(request.consistency, adding: tuples)
    }

    /// Checks without contexts at the present state go through the graph together.
    private func tryNextPlain(of job: EvaluationJob) {
        let range = job.tried..<min(job.tried + Node.bulkStep, job.views.count)
        let graph = replica.stateMachine.graph
        let limits = configuration.limits
        job.views.withUnsafeBufferPointer { views in
            let slice = min(limits.evaluationSliceVisits, Node.bulkSlice)
            let group = UnsafeBufferPointer(rebasing: views[range])
            graph.evaluateBatch(
                group,
                slice: slice,
                budget: limits.evaluationVisits,
                decide: { job.results[range.lowerBound + $0] = .success($1 ? .has : .hasNot) },
                other: { take($1, of: job, range.lowerBound + $0) }
            )
        }
        job.tried = range.upperBound
    }

    private func tryNext(of job: EvaluationJob, _ basis: Basis) throws(RequestError) {
        let range = job.tried..<min(job.tried + Node.bulkStep, job.views.count)
        let slice = min(configuration.limits.evaluationSliceVisits, Node.bulkSlice)
        for position in range { take(try evaluate(position, of: job, basis, slice: slice), of: job, position) }
        job.tried = range.upperBound
    }

    /// Begins one check of a bulk.
    private func evaluate(
        _ position: Int,
        of job: EvaluationJob,
        _ basis: Basis,
        slice: Int
    ) throws(RequestError) -> EvaluationStep {
        let graph = replica.stateMachine.graph
        var context = ContextObject.empty
        if !job.contexts.isEmpty, !job.contexts[position].isEmpty {
            context = try RequestError.decoding { () throws(ByteError) in
                try ContextObject(requestContext: job.contexts[position])
            }
        }
        do throws(GraphError) {
            return graph.evaluate(
                try graph.resolve(job.views[position], in: basis),
                in: basis,
                context: context,
                depth: job.depth,
                slice: slice,
                budget: configuration.limits.evaluationVisits
            )
        } catch {
            return .failed(error)
        }
    }

    /// Takes the first step of a check of a bulk.
    private func take(_ step: EvaluationStep, of job: EvaluationJob, _ position: Int) {
        switch step {
        case .suspended(let evaluation):
            // Only one evaluation is kept; what this one found out in its short slice is found out again.
            replica.stateMachine.graph.abandon(evaluation)
            job.slow.append(position)
        case .done(let has): job.results[position] = .success(has ? .has : .hasNot)
        case .conditional(let missing):
            job.results[position] = .success(Decision(.conditional, missingContext: missing))
        case .failed(let error): job.results[position] = .failure(ServiceError(error))
        }
    }

    private func runSlow(_ position: Int, of job: EvaluationJob, _ basis: Basis) throws(RequestError) {
        let graph = replica.stateMachine.graph
        let slice = configuration.limits.evaluationSliceVisits
        job.visitsLeft -= slice
        let step: EvaluationStep
        if let suspended = job.suspended {
            job.suspended = nil
            step = graph.resume(suspended, slice: slice)
        } else {
            step = try evaluate(position, of: job, basis, slice: slice)
        }
        if case .suspended(let evaluation) = step {
            guard job.visitsLeft <= 0 else {
                job.suspended = evaluation
                return
            }
            graph.abandon(evaluation)
            job.results[position] = .failure(.bulkBudgetExceeded(visits(of: .bulkCheck)))
        } else {
            take(step, of: job, position)
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
            let zookie = EncodedZookie(job.state?.zookie ?? replica.zookie)
            var writer = BulkCheckAnswerWriter(count: job.results.count, zookie: zookie, into: &output)
            for result in job.results {
                switch result {
                case .success(let decision): writer.item(decision, into: &output)
                case .failure(let error): writer.item(error, into: &output)
                case nil: preconditionFailure("a bulk check was finished before all of its checks")
                }
            }
        }
        end(job, nil)
    }
}
