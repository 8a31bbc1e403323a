// Pemba: one node of a cluster that answers the questions of a validation file.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaCore
import PembaService

/// How fresh the answers to the questions of a validation file have to be.
enum ConsistencyMode: String, CaseIterable {
    case atLeastAsFresh = "at least as fresh"
    case fullyConsistent = "fully consistent"
    case exactSnapshot = "exact snapshot"
    case minimizeLatency = "minimize latency"
}

/// One node, asked in one consistency mode after the file was written.
struct NodeSource: AnswerSource, Sendable {
    /// How often a node is asked that has not applied the file yet, and how long to wait in between.
    private static let patience = (attempts: 1_000, pause: Duration.milliseconds(10))

    let client: PembaClient
    /// The node's place among the endpoints, from 1.
    let node: Int
    let mode: ConsistencyMode
    /// The revision at which the file is there.
    let zookie: Zookie

    /// The mode and the node, as messages name them.
    var title: String { "\(mode.rawValue), node \(node)" }
    var name: String? { title }

    private var consistency: Consistency {
        switch mode {
        case .atLeastAsFresh: .atLeastAsFresh(zookie)
        case .fullyConsistent: .fullyConsistent
        case .exactSnapshot: .atExactSnapshot(zookie)
        case .minimizeLatency: .minimizeLatency
        }
    }

    /// Asks until the answer is from a state with the file: with minimal latency a node answers with what it has applied,
    /// which may be a moment behind.
    ///
    /// A service error is the answer to this question; any other is about the cluster.
    private func answer<Value>(
        _ ask: (Consistency) async throws -> (value: Value, zookie: Zookie)
    ) async throws -> Result<Value, ToolError> {
        for _ in 0..<NodeSource.patience.attempts {
            do {
                let answer = try await ask(consistency)
                if answer.zookie.revision >= zookie.revision { return .success(answer.value) }
            } catch let error as ClientError {
                guard let refusal = error.serviceError else { throw error }
                // A schema of before may not know what is asked about.
                guard mode == .minimizeLatency, try await isBehind() else {
                    return .failure(ToolError(refusal.description))
                }
            }
            try await Task.sleep(for: NodeSource.patience.pause)
        }
        throw ToolError("node \(node) does not catch up with revision \(zookie.revision)")
    }

    private func isBehind() async throws -> Bool {
        try await client.status().appliedIndex.rawValue < zookie.revision.rawValue
    }

    // MARK: - Questions

    /// The decisions on many checks in one request.
    func decisions(on items: [CheckItem]) async throws -> [Result<Decision, ToolError>] {
        let answers = try await answer { consistency in
            let answer = try await client.checkBulk(items, consistency: consistency)
            return (answer.results, answer.zookie)
        }
        switch answers {
        case .success(let results): return results.map { result in result.mapError { ToolError($0.description) } }
        case .failure(let error): return items.map { _ in .failure(error) }
        }
    }

    func decision(on item: CheckItem) async throws -> Result<Decision, ToolError> {
        try await answer { consistency in
            let answer = try await client.check(item, consistency: consistency)
            return (answer.decision, answer.zookie)
        }
    }

    func expansion(of resource: ObjectReference, _ permission: String) async throws -> Result<ExpandTree, ToolError> {
        try await answer { consistency in
            let answer = try await client.expand(resource, permission, isRecursive: true, consistency: consistency)
            return (answer.tree, answer.zookie)
        }
    }

    func resources(
        _ permission: TypePermission,
        for subject: SubjectReference,
        context: ContextObject
    ) async throws -> Result<[FoundResource], ToolError> {
        try await answer { consistency in
            let lookup = client.lookupResources(
                [permission],
                for: subject,
                context: EvaluationContext(values: context),
                consistency: consistency
            )
            return try await NodeSource.whole(lookup)
        }
    }

    func subjects(
        _ kind: SubjectKind,
        with permission: String,
        on resource: ObjectReference,
        context: ContextObject
    ) async throws -> Result<[FoundSubject], ToolError> {
        try await answer { consistency in
            let lookup = client.lookupSubjects(
                [permission],
                on: resource,
                kinds: [kind],
                context: EvaluationContext(values: context),
                consistency: consistency
            )
            return try await NodeSource.whole(lookup)
        }
    }

    /// Everything that a lookup gives, and the revision.
    private static func whole<Item>(
        _ lookup: AnswerStream<Item, LookupEnd>
    ) async throws -> (value: [Item], zookie: Zookie) {
        var iterator = lookup.makeAsyncIterator()
        var items: [Item] = []
        while let batch = try await iterator.nextBatch() { items += batch }
        guard let end = iterator.end, end.isComplete else { throw ToolError("a lookup ended before it was complete") }
        return (items, end.zookie)
    }
}
