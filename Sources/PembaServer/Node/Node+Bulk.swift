// Pemba: evaluating bulk checks.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// Evaluation budgets that all checks of a bulk have together.
    private static let budgetsPerBulk = 8
    /// Checks of a bulk that are evaluated between two looks at the clock.
    private static let bulkStep = 64
    /// The first slice of each check of a bulk, in visits.
    private static let bulkSlice = 512

    /// Does the next step of a bulk: first a short slice of every check, then those that need more, one by one.
    func runBulk(_ job: EvaluationJob) throws(RequestError) {
        if job.bulk == nil { try beginBulk(job) }
        guard let basis = job.basis, var bulk = job.bulk else { return }
        // Taken out while it changes, so that it is not copied.
        job.bulk = nil
        if bulk.tried < bulk.views.count {
            if basis === replica.stateMachine.graph.presentBasis, bulk.contexts.isEmpty, bulk.depth == .max {
                tryNextPlain(of: &bulk)
            } else {
                try tryNext(of: &bulk, basis)
            }
        } else if let position = bulk.slow.last {
            try runSlow(position, of: job, &bulk, basis)
        }
        guard bulk.tried == bulk.views.count, bulk.slow.isEmpty else {
            job.bulk = bulk
            return
        }
        finish(job, bulk)
    }

    private func beginBulk(_ job: EvaluationJob) throws(RequestError) {
        var request = try RequestError.decoding { () throws(ByteError) in
            try BulkCheckRequestView(decoding: job.payload)
        }
        let visits = configuration.limits.evaluationVisits * Node.budgetsPerBulk
        var bulk = BulkProgress(visitsMax: visits, visitsLeft: visits)
        bulk.depth = request.maxDepth.map { Int($0) } ?? .max
        let tuples = try RequestError.decoding { () throws(ByteError) in
            try [RelationTuple](contextualTuples: request.contextualTuples)
        }
        do throws(ByteError) {
            try request.readAll(into: &bulk.views, contexts: &bulk.contexts)
        } catch {
            throw .bytes(error)
        }
        bulk.results = Array(repeating: nil, count: bulk.views.count)
        job.begin(at: try state(request.consistency, adding: tuples))
        job.bulk = bulk
    }

    /// Checks without contexts at the present state go through the graph together.
    private func tryNextPlain(of bulk: inout BulkProgress) {
        let range = bulk.tried..<min(bulk.tried + Node.bulkStep, bulk.views.count)
        let graph = replica.stateMachine.graph
        let limits = configuration.limits
        let group = bulk.views[range]
        group.withUnsafeBufferPointer { group in
            let slice = min(limits.evaluationSliceVisits, Node.bulkSlice)
            graph.evaluateBatch(
                group,
                slice: slice,
                budget: limits.evaluationVisits,
                decide: { bulk.results[range.lowerBound + $0] = .success($1 ? .has : .hasNot) },
                other: { take($1, of: &bulk, range.lowerBound + $0) }
            )
        }
        bulk.tried = range.upperBound
    }

    private func tryNext(of bulk: inout BulkProgress, _ basis: Basis) throws(RequestError) {
        let range = bulk.tried..<min(bulk.tried + Node.bulkStep, bulk.views.count)
        let slice = min(configuration.limits.evaluationSliceVisits, Node.bulkSlice)
        for position in range { take(try evaluate(position, of: bulk, basis, slice: slice), of: &bulk, position) }
        bulk.tried = range.upperBound
    }

    /// Begins one check of a bulk.
    private func evaluate(
        _ position: Int,
        of bulk: BulkProgress,
        _ basis: Basis,
        slice: Int
    ) throws(RequestError) -> EvaluationStep {
        let graph = replica.stateMachine.graph
        var context = ContextObject.empty
        if !bulk.contexts.isEmpty, !bulk.contexts[position].isEmpty {
            context = try RequestError.decoding { () throws(ByteError) in
                try ContextObject(requestContext: bulk.contexts[position])
            }
        }
        do throws(GraphError) {
            return graph.evaluate(
                try graph.resolve(bulk.views[position], in: basis),
                in: basis,
                context: context,
                depth: bulk.depth,
                slice: slice,
                budget: configuration.limits.evaluationVisits
            )
        } catch {
            return .failed(error)
        }
    }

    /// Takes the first step of a check of a bulk.
    private func take(_ step: EvaluationStep, of bulk: inout BulkProgress, _ position: Int) {
        switch step {
        case .suspended(let evaluation):
            // Only one evaluation is kept; what this one found out in its short slice is found out again.
            replica.stateMachine.graph.abandon(evaluation)
            bulk.slow.append(position)
        case .done(let has): bulk.results[position] = .success(has ? .has : .hasNot)
        case .conditional(let missing):
            bulk.results[position] = .success(Decision(.conditional, missingContext: missing))
        case .failed(let error): bulk.results[position] = .failure(ServiceError(error))
        }
    }

    private func runSlow(
        _ position: Int,
        of job: EvaluationJob,
        _ bulk: inout BulkProgress,
        _ basis: Basis
    ) throws(RequestError) {
        let graph = replica.stateMachine.graph
        let slice = configuration.limits.evaluationSliceVisits
        bulk.visitsLeft -= slice
        let step: EvaluationStep
        if let suspended = job.suspended {
            job.suspended = nil
            step = graph.resume(suspended, slice: slice)
        } else {
            step = try evaluate(position, of: bulk, basis, slice: slice)
        }
        if case .suspended(let evaluation) = step {
            guard bulk.visitsLeft <= 0 else {
                job.suspended = evaluation
                return
            }
            graph.abandon(evaluation)
            bulk.results[position] = .failure(.bulkBudgetExceeded(bulk.visitsMax))
        } else {
            take(step, of: &bulk, position)
        }
        bulk.slow.removeLast()
    }

    private func finish(_ job: EvaluationJob, _ bulk: BulkProgress) {
        let request = job.request
        FrameWriter.frame(
            type: .bulkCheckAnswer,
            correlation: request.correlation,
            into: &request.client.connection.output
        ) { output in
            let zookie = EncodedZookie(job.zookie ?? replica.zookie)
            var writer = BulkCheckAnswerWriter(count: bulk.results.count, zookie: zookie, into: &output)
            for result in bulk.results {
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
