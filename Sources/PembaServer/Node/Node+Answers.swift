// Pemba: answering permissions, expansions and explanations.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaWire

extension Node {
    /// Answers which permissions a subject has on a resource.
    func answerPermissions(_ job: EvaluationJob, _ request: PermissionsRequest) throws(RequestError) {
        let limits = configuration.limits
        if job.listing == nil {
            let state = try state(request.consistency, adding: request.context.tuples)
            job.begin(at: state)
            job.listing = try RequestError.asking { () throws(GraphError) in
                try PermissionListing(
                    graph: replica.stateMachine.graph,
                    basis: state.basis,
                    request: request,
                    budget: limits.evaluationVisits
                )
            }
        }
        guard let listing = job.listing, let zookie = job.zookie else { return }
        let isComplete = try RequestError.asking { () throws(GraphError) in
            try listing.run(slice: limits.evaluationSliceVisits)
        }
        guard isComplete else { return }
        let answer = PermissionsAnswer(entries: listing.entries, zookie: zookie)
        job.request.client.send(.permissionsAnswer, job.request.correlation) { answer.encode(into: &$0) }
        end(job, nil)
    }

    /// Answers what a relation or permission is made of.
    func answerExpand(_ job: EvaluationJob, _ request: ExpandRequest) throws(RequestError) {
        let graph = replica.stateMachine.graph
        let state = try state(request.consistency, adding: request.contextualTuples)
        let tree = try RequestError.asking { () throws(GraphError) in
            try graph.expand(
                request.resource,
                request.permission,
                isRecursive: request.isRecursive,
                in: state.basis
            )
        }
        let answer = ExpandAnswer(tree: tree, zookie: state.zookie)
        job.request.client.send(.expandAnswer, job.request.correlation) { answer.encode(into: &$0) }
        end(job, nil)
    }

    /// Answers why a check has its answer.
    func answerExplain(_ job: EvaluationJob, _ request: ExplainRequest) throws(RequestError) {
        let graph = replica.stateMachine.graph
        let state = try state(request.consistency, adding: request.contextualTuples)
        let explanation = try RequestError.asking { () throws(GraphError) in
            try graph.explain(request.item, in: state.basis)
        }
        let answer = ExplainAnswer(explanation: explanation, zookie: state.zookie)
        job.request.client.send(.explainAnswer, job.request.correlation) { answer.encode(into: &$0) }
        end(job, nil)
    }
}
