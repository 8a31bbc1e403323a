// Pemba: asking the cluster what an answer is made of.
// SPDX-License-Identifier: Apache-2.0

extension PembaClient {
    /// Which relations and permissions of a resource a subject has, in the order of the schema.
    ///
    /// - Parameters:
    ///   - context: what counts beside the stored tuples.
    ///   - consistency: how fresh the state must be; nil: at least as fresh as this client's newest write.
    ///   - timeout: how long it may take; nil: as configured.
    public func permissions(
        of subject: SubjectReference,
        on resource: ObjectReference,
        context: EvaluationContext = .empty,
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> PermissionsAnswer {
        try PembaClient.requireCount(of: context.tuples)
        let request = PermissionsRequest(resource: resource, subject: subject, context: context)
        let answer = try await perform(.permissions(request, consistency), timeout: timeout)
        guard case .permissions(let result) = answer else {
            preconditionFailure("a request for permissions was answered with something else")
        }
        return result
    }

    /// What a relation or permission of a resource is made of, down to stored tuples.
    ///
    /// - Parameter isRecursive: whether usersets among the subjects are expanded in turn.
    public func expand(
        _ resource: ObjectReference,
        _ permission: String,
        isRecursive: Bool = false,
        contextualTuples: [RelationTuple] = [],
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> ExpandAnswer {
        try PembaClient.requireCount(of: contextualTuples)
        let request = ExpandRequest(
            resource: resource,
            permission: permission,
            isRecursive: isRecursive,
            contextualTuples: contextualTuples
        )
        let answer = try await perform(.expand(request, consistency), timeout: timeout)
        guard case .expanded(let result) = answer else {
            preconditionFailure("an expansion was answered with something else")
        }
        return result
    }

    /// Why a check has its answer: the tuples that lead to it, or what would have to change.
    public func explain(
        _ item: CheckItem,
        contextualTuples: [RelationTuple] = [],
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> ExplainAnswer {
        try PembaClient.requireCount(of: contextualTuples)
        let request = ExplainRequest(item: item, contextualTuples: contextualTuples)
        let answer = try await perform(.explain(request, consistency), timeout: timeout)
        guard case .explained(let result) = answer else {
            preconditionFailure("an explanation was answered with something else")
        }
        return result
    }

    /// Refuses more contextual tuples than a request may bring along.
    static func requireCount(of contextualTuples: [RelationTuple]) throws(ClientError) {
        guard contextualTuples.count > Limits.contextualTuples else { return }
        throw limit("a request", "contextual tuples", contextualTuples.count, Limits.contextualTuples)
    }
}
