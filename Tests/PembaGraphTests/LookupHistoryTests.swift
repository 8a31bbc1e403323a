// Pemba: lookups over random histories.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: lookups give what the definition gives for everything there is, at the present revision and at every one that is
/// kept, after creations, touches, deletions, imports, expiry and changes of the schema.
@Suite("Lookups over random histories")
struct LookupHistoryTests {
    /// A question about one state of a history: what the definition and the graph say of it.
    private struct Moment {
        let graph: Graph
        let basis: Basis
        let naive: NaiveGraph
        let world: RandomWorld
        let context: ContextObject
        let comment: Comment

        var evaluation: EvaluationContext { EvaluationContext(values: context) }

        /// The ids that are asked about: all there are, and one more.
        var ids: [String] { (0...world.objects).map { String($0) } }

        /// The decisions about a subject by definition.
        func decisions(on resources: [ObjectReference], _ subject: SubjectReference) -> NaiveAnswers {
            naive.answers(about: subject, context: context, more: resources)
        }
    }

    private static func decision(_ answers: NaiveAnswers, _ resource: ObjectReference, _ permission: String) -> Decision
    {
        let problem = NaiveGraph.Problem(object: resource, name: permission)
        return switch answers.truth(problem) {
        case .no: .hasNot
        case .yes: .has
        case .maybe: Decision(.conditional, missingContext: answers.missing(problem).sorted())
        }
    }

    private static func permissions(of world: RandomWorld) -> [TypePermission] {
        world.schema.definitions.flatMap { definition in
            definition.relations.map { TypePermission(type: definition.name, permission: $0.name) }
        }
    }

    @Test(
        "both lookups give what the definition gives at every revision",
        arguments: Array(Seeds(short: 30, full: 1_500))
    )
    func lookups(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var history = try RandomHistory(
            &random,
            objects: 2 + random.below(3),
            limits: HistoryLimits(changes: 60, span: .seconds(1))
        )
        for _ in 0..<12 {
            for _ in 0...random.below(3) { try history.step(&random) }
            let graph = history.graph
            // The present, a revision of the past by itself, and one with tuples of its time added and hidden.
            let span = Int(history.revision.rawValue - graph.oldestRevision.rawValue)
            let past = Revision(graph.oldestRevision.rawValue + UInt64(random.below(span + 1)))
            let state = history.states[Int(past.rawValue)]
            var changed = state.naive
            let hidden = changed.tuples.filter { _ in random.chance(1, in: 4) }
            let added = (0..<random.below(6)).map { _ in state.world.tuple(&random) }
            for tuple in hidden { changed.remove(tuple) }
            for tuple in added { changed.put(tuple) }
            let bases = [
                (graph.presentBasis, history.naive, history.world),
                (try graph.basis(at: past), state.naive, state.world),
                (try graph.basis(at: past, adding: added, hiding: hidden.map(\.key)), changed, state.world),
            ]
            for (basis, naive, world) in bases {
                let moment = Moment(
                    graph: graph,
                    basis: basis,
                    naive: naive,
                    world: world,
                    context: world.context(&random),
                    comment: """
                        at \(history.revision), of \(past): \(world.schema.source) with \(naive.tuples) at \(naive.time) \
                        \(Seeds.replay(seed, "LookupHistoryTests"))
                        """
                )
                try expectResources(moment, &random)
                try expectSubjects(moment, &random)
            }
        }
    }

    private func expectResources(_ moment: Moment, _ random: inout SeededRandom) throws {
        let subject = moment.world.subject(&random)
        var asked = Self.permissions(of: moment.world)
        asked.shuffle(using: &random)
        asked = Array(asked.prefix(1 + random.below(4)))
        let resources = asked.flatMap { asked in moment.ids.map { ObjectReference(type: asked.type, id: $0) } }
        let answers = moment.decisions(on: resources, subject)
        var expected: [FoundResource] = []
        for (place, permission) in asked.enumerated() {
            for id in moment.ids {
                let resource = ObjectReference(type: permission.type, id: id)
                let decision = Self.decision(answers, resource, permission.permission)
                guard decision != .hasNot else { continue }
                expected.append(FoundResource(permission: place, id: id, decision: decision))
            }
        }
        let request = LookupResourcesRequest(permissions: asked, subject: subject, context: moment.evaluation)
        let found = try moment.graph.lookupResources(request, in: moment.basis)
        #expect(found == expected, "\(asked) for \(subject) with \(moment.context.json) \(moment.comment)")
        let size = 1 + random.below(3)
        #expect(
            try moment.graph.pages(request, of: size, in: moment.basis) == expected,
            "pages of \(size) of \(asked) for \(subject) with \(moment.context.json) \(moment.comment)"
        )
    }

    private func expectSubjects(_ moment: Moment, _ random: inout SeededRandom) throws {
        let asked = Self.permissions(of: moment.world)
        let permission = asked[random.below(asked.count)]
        let resource = ObjectReference(type: permission.type, id: String(random.below(moment.world.objects + 1)))
        let kinds =
            moment.world.schema.definitions.map { SubjectKind(type: $0.name) }
            + asked.map { SubjectKind(type: $0.type, relation: $0.permission) }
        let kind = kinds[random.below(kinds.count)]
        let request = LookupSubjectsRequest(
            resource: resource,
            permissions: [permission.permission],
            kinds: [kind],
            context: moment.evaluation
        )
        let found = try moment.graph.lookupSubjects(request, in: moment.basis)
        let comment: Comment =
            "\(kind) on \(resource)#\(permission.permission) with \(moment.context.json): \(found) \(moment.comment)"
        let size = 1 + random.below(3)
        #expect(try moment.graph.pages(request, of: size, in: moment.basis) == found, "pages of \(size) of \(comment)")

        func answer(_ id: String) -> Decision {
            let subject = SubjectReference(type: kind.type, id: id, relation: kind.relation)
            return Self.decision(moment.decisions(on: [resource], subject), resource, permission.permission)
        }
        let anybody = answer("nobody")
        let wildcard = found.first { $0.id == SubjectReference.wildcardID }
        #expect((wildcard?.decision ?? .hasNot) == anybody, comment)
        #expect(Set(found.map(\.id)).count == found.count, comment)
        for id in moment.ids {
            let decision = answer(id)
            let listed = found.first { $0.id == id }
            let exclusion = wildcard?.excluded.first { $0.id == id }
            if let listed { #expect(listed.decision == decision, comment) }
            switch decision.permissionship {
            case .noPermission:
                #expect(listed == nil, comment)
                #expect(exclusion?.decision == (wildcard == nil ? nil : .has), comment)
            case .hasPermission:
                #expect(exclusion == nil && (listed != nil || wildcard != nil), comment)
            case .conditional:
                #expect(listed != nil || wildcard != nil, comment)
                #expect(exclusion == nil || exclusion?.decision == decision, comment)
                if anybody == .has { #expect(exclusion != nil, comment) }
            }
        }
    }
}
