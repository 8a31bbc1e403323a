// Pemba: explanations of random worlds.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: a proof proves, a suggestion helps, and a reason is the reason, whatever the schema, the cycles, conditions,
/// times, the request's context and the history of writes.
///
/// Method: the histories of the random checks; every claim of an explanation is tried on the graph, at several
/// revisions. What conditions come to is judged by the naive graph.
@Suite("Random explanations")
struct RandomExplainTests {
    /// One question at one revision.
    private struct Question {
        let graph: Graph
        let naive: NaiveGraph
        let world: RandomWorld
        let item: CheckItem
        let seed: UInt64

        /// The tuples that count at the time, whatever their conditions.
        var alive: [RelationTuple] {
            naive.tuples.filter { $0.notBefore.map { $0.nanoseconds <= naive.time } ?? true }
        }

        var note: Comment {
            """
            \(item) with \(item.context.json) in \(world.schema.source) with \(naive.tuples.map(\.description)) at \
            \(naive.time) \(Seeds.replay(seed, "RandomExplainTests"))
            """
        }

        /// Whether the subject has the permission for certain.
        func has(
            adding added: [RelationTuple] = [],
            hiding hidden: [RelationTuple] = [],
            context: ContextObject? = nil
        ) throws -> Bool {
            try check(adding: added, hiding: hidden, context: context) == .has
        }

        func check(
            adding added: [RelationTuple] = [],
            hiding hidden: [RelationTuple] = [],
            context: ContextObject? = nil
        ) throws -> Decision {
            var item = item
            if let context { item.context = context }
            let basis = try graph.basis(adding: added, hiding: hidden.map(\.key))
            return try graph.check(item, in: basis)
        }
    }

    private static let features: [RandomSchema.Features] = [[], .caveats, .times, .all]

    private func history(_ random: inout SeededRandom, _ seed: UInt64) throws -> RandomHistory {
        try RandomHistory(
            &random,
            objects: 3,
            limits: HistoryLimits(changes: 5_000, span: .seconds(1)),
            features: Self.features[Int(seed % 4)]
        )
    }

    private func questions(_ history: RandomHistory, _ random: inout SeededRandom, _ seed: UInt64) -> [Question] {
        history.world.schema.definitions.flatMap { definition in
            definition.relations.filter { _ in random.chance(1, in: 2) }.map { relation in
                let user = SubjectReference(type: "user", id: String(random.below(3)))
                let item = CheckItem(
                    resource: ObjectReference(type: definition.name, id: String(random.below(3))),
                    permission: relation.name,
                    subject: random.chance(3, in: 4) ? user : history.world.subject(&random),
                    context: history.world.context(&random)
                )
                return Question(
                    graph: history.graph,
                    naive: history.naive,
                    world: history.world,
                    item: item,
                    seed: seed
                )
            }
        }
    }

    @Test(
        "answers are the check's, proofs prove, suggestions help, at every revision",
        arguments: Array(Seeds(short: 40, full: 1_500))
    )
    func claims(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try history(&random, seed)
        var explained: [(revision: Revision, item: CheckItem, explanation: Explanation)] = []
        for _ in 0..<4 {
            for _ in 0..<4 { try history.step(&random) }
            for question in questions(history, &random, seed) {
                let explanation = try question.graph.explain(question.item)
                #expect(try explanation.decision == question.graph.check(question.item), question.note)
                #expect(explanation.time.nanoseconds == question.naive.time)
                expectReasons(question, explanation)
                if explanation.decision == .has {
                    #expect(explanation.suggestions.isEmpty)
                    try prove(question, explanation)
                } else {
                    try help(question, explanation, &random)
                }
                explained.append((history.revision, question.item, explanation))
            }
        }
        // The past is explained as it was when it was the present.
        for (revision, item, explanation) in explained {
            let basis = try history.graph.basis(at: revision)
            #expect(
                try history.graph.explain(item, in: basis) == explanation,
                "\(item) at \(revision): \(Seeds.replay(seed, "RandomExplainTests"))"
            )
        }
    }

    // MARK: Reasons

    /// Each condition came to what is told of it, and each tuple that names the subject and is told with a denial is
    /// outside its time or has a condition that fails.
    private func expectReasons(_ question: Question, _ explanation: Explanation) {
        for condition in explanation.conditions {
            var tuple = RelationTuple(
                resource: question.item.resource,
                relation: question.item.permission,
                subject: question.item.subject
            )
            tuple.caveat = condition.caveat
            let judged = question.naive.judge(tuple, question.item.context)
            #expect(condition.decision.permissionship == permissionship(judged.truth), question.note)
            #expect(Set(condition.decision.missingContext) == judged.missing, question.note)
        }
        for (tuple, decision) in directTuples(explanation.proof) where decision == .hasNot {
            let time = question.naive.time
            let isIdle =
                tuple.notBefore.map { time < $0.nanoseconds } ?? false
                || tuple.expiresAt.map { time >= $0.nanoseconds } ?? false
            #expect(isIdle || explanation.condition(of: tuple)?.decision == .hasNot, "\(tuple): \(question.note)")
        }
    }

    private func permissionship(_ truth: Truth) -> Permissionship {
        switch truth {
        case .no: .noPermission
        case .maybe: .conditional
        case .yes: .hasPermission
        }
    }

    private func directTuples(_ node: ProofNode) -> [(RelationTuple, Decision)] {
        if case .tuple(let tuple) = node.reason { return node.permission.isEmpty ? [(tuple, node.decision)] : [] }
        return parts(node).flatMap { directTuples($0) }
    }

    private func parts(_ node: ProofNode) -> [ProofNode] {
        switch node.reason {
        case .through(_, let node): [node]
        case .exclusion(let nodes), .intersection(let nodes), .union(let nodes), .all(let nodes): nodes
        case .identity, .tuple, .nothing, .repeated, .truncated: []
        }
    }

    // MARK: Proofs

    /// A proof is enough by itself; whatever the answer cannot do without is part of it; and of the only proof, nothing
    /// can be left out.
    private func prove(_ question: Question, _ explanation: Explanation) throws {
        let proof = tuples(explanation.proof)
        #expect(proof.isSubset(of: question.alive), question.note)
        let shape = QuestionShape(
            question.world.schema,
            type: question.item.resource.type,
            permission: question.item.permission
        )
        if shape.shrinksToHold { return }
        let rest = question.naive.tuples.filter { !proof.contains($0) }
        #expect(try question.has(hiding: rest), "by \(proof) alone \(question.note)")
        let needed = try question.alive.filter { try !question.has(hiding: [$0]) }
        #expect(proof.isSuperset(of: needed), "\(needed) are not all in \(proof) \(question.note)")
        let others = question.naive.tuples.filter { !needed.contains($0) }
        let isOnlyProof = try question.has(hiding: others)
        if isOnlyProof { #expect(proof == Set(needed), "the only proof is \(needed), not \(proof) \(question.note)") }
        // Parts of an intersection may each prove more than the shortest proof asks of them.
        if shape.hasParts { return }
        for tuple in proof {
            #expect(try !question.has(hiding: rest + [tuple]), "without \(tuple) of \(proof) \(question.note)")
        }
    }

    private func tuples(_ node: ProofNode) -> Set<RelationTuple> {
        #expect(node.reason != .truncated)
        let below = parts(node).reduce(into: Set()) { $0.formUnion(tuples($1)) }
        switch node.reason {
        case .tuple(let tuple), .through(let tuple, _): return below.union([tuple])
        default: return below
        }
    }

    // MARK: Suggestions

    private func help(_ question: Question, _ explanation: Explanation, _ random: inout SeededRandom) throws {
        for (place, suggestion) in explanation.suggestions.enumerated() {
            #expect(suggestion.size > 0)
            try apply(suggestion, question, &random)
            for other in explanation.suggestions[..<place] {
                #expect(other.size <= suggestion.size)
                let isContained =
                    Set(other.add).isSubset(of: suggestion.add) && Set(other.remove).isSubset(of: suggestion.remove)
                    && Set(other.context).isSubset(of: suggestion.context)
                #expect(!isContained, "\(other) is part of \(suggestion) \(question.note)")
            }
        }
        if explanation.suggestions.isEmpty {
            for context in contexts(RandomSchema.pool.flatMap(\.values).map(\.parameter), question, &random) {
                #expect(try !question.has(context: context), "\(context.json) helps: \(question.note)")
            }
        }
        if explanation.suggestions.first?.size == 1 { return }
        for tuple in question.naive.tuples {
            #expect(try !question.has(hiding: [tuple]), "without \(tuple) \(question.note)")
        }
        for tuple in additions(question) {
            #expect(try !question.has(adding: [tuple]), "with \(tuple) \(question.note)")
        }
    }

    /// The answer is has with all values that meet what a suggestion asks of conditions.
    private func apply(_ suggestion: Suggestion, _ question: Question, _ random: inout SeededRandom) throws {
        let names = suggestion.context.flatMap { $0.missing + $0.wrong }
        for need in suggestion.context {
            #expect(need.missing.allSatisfy { question.item.context[$0] == nil }, question.note)
            #expect(need.wrong.allSatisfy { question.item.context[$0] != nil }, question.note)
        }
        for context in contexts(names, question, &random) {
            let isMet = suggestion.context.allSatisfy { need in
                question.naive.judge(need.tuple, context).truth == (need.mustHold ? .yes : .no)
            }
            guard isMet else { continue }
            #expect(
                try question.has(adding: suggestion.add, hiding: suggestion.remove, context: context),
                "by \(suggestion) with \(context.json) \(question.note)"
            )
        }
    }

    /// The question's context with other values for some names: all there are of few, some of many.
    private func contexts(
        _ names: [String],
        _ question: Question,
        _ random: inout SeededRandom
    ) -> [ContextObject] {
        let given = question.item.context.entries.filter { !names.contains($0.key) }.map { ($0.key, $0.value) }
        var contexts = [ContextObject(given)]
        for name in Set(names).sorted() {
            let values = RandomSchema.pool.flatMap(\.values).filter { $0.parameter == name }.flatMap(\.json)
            let choices = Set(values).sorted().compactMap { try? ContextObject(parsing: "{\"\(name)\": \($0)}")[name] }
            contexts = contexts.flatMap { context in
                choices.map { ContextObject(context.entries.map { ($0.key, $0.value) } + [(name, $0)]) }
            }
            if contexts.count > 64 { contexts = Array(contexts.shuffled(using: &random).prefix(64)) }
        }
        return contexts
    }

    /// All tuples without conditions and times that name the question's subject and that the schema admits.
    private func additions(_ question: Question) -> [RelationTuple] {
        question.world.resources.flatMap { resource in
            let definition = question.world.schema.definitions.first { $0.name == resource.type }
            return (definition?.relations ?? []).map { relation in
                RelationTuple(resource: resource, relation: relation.name, subject: question.item.subject)
            }
        }.filter { (try? question.graph.validate($0)) != nil }
    }

    @Test("explanations do not depend on the order of writes", arguments: Array(Seeds(short: 12, full: 300)))
    func order(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try history(&random, seed)
        for _ in 0..<10 { try history.step(&random) }
        history.graph.collectExpired(limit: .max)
        let reversed = Graph(capacity: .small, hashSeed: 17)
        reversed.restart(at: history.revision, time: Timestamp(nanoseconds: history.world.time))
        try reversed.replaceSchema(history.world.schema)
        for tuple in history.naive.tuples.reversed() { reversed.put(tuple) }
        for question in questions(history, &random, seed) {
            let item = question.item
            #expect(try reversed.explain(item) == history.graph.explain(item), question.note)
            let expansions = try [reversed, history.graph].map {
                try $0.expand(item.resource, item.permission, isRecursive: true)
            }
            #expect(expansions[0] == expansions[1], question.note)
        }
    }
}
