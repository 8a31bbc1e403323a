// Pemba: evaluations that go on while the graph changes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: whatever is written between two slices of an evaluation, it answers as if it had ended at once, at the state that
/// it was begun at; and it leaves nothing behind.
@Suite("Held evaluations")
struct HeldEvaluationTests {
    /// An evaluation that is not at its end, and the answer that it must come to.
    private enum Pending {
        case check(Evaluation, expected: Decision)
        case resources(ResourceLookup, taken: [FoundResource], expected: [FoundResource])
        case subjects(SubjectLookup, taken: [FoundSubject], expected: [FoundSubject])
        case listing(PermissionListing, expected: [PermissionsAnswer.Entry])

        func hold() {
            switch self {
            case .check(let evaluation, _): evaluation.hold()
            case .resources(let lookup, _, _): lookup.hold()
            case .subjects(let lookup, _, _): lookup.hold()
            case .listing(let listing, _): listing.hold()
            }
        }

        func move(to basis: Basis) {
            switch self {
            case .check(let evaluation, _): evaluation.move(to: basis)
            case .resources(let lookup, _, _): lookup.move(to: basis)
            case .subjects(let lookup, _, _): lookup.move(to: basis)
            case .listing(let listing, _): listing.move(to: basis)
            }
        }
    }

    /// Revisions that an evaluation sees begin at most: the history that is kept reaches back that far.
    ///
    /// Where much is conditional, finding out what is missing may take some hundred thousand visits.
    private static let stepsMax = 300

    private static func replay(_ seed: UInt64) -> Comment { "\(Seeds.replay(seed, "HeldEvaluationTests"))" }

    @Test("answers are those of the state that they were begun at", arguments: Array(Seeds(short: 60, full: 3_000)))
    func answers(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let limits = HistoryLimits(changes: 5_000, span: .seconds(1))
        var history = try RandomHistory(&random, objects: 2 + random.below(4), limits: limits)
        for _ in 0..<8 { try history.step(&random, writes: 12) }
        for _ in 0..<6 { try run(&history, &random, seed) }
        for _ in 0..<2 { history.end(after: 2_000_000_000) }
        let graph = history.graph
        #expect(graph.entityCount == 0 && graph.conditions.count == 0, Self.replay(seed))
    }

    /// Begins some evaluations at one state, and lets history go on between their slices.
    private func run(_ history: inout RandomHistory, _ random: inout SeededRandom, _ seed: UInt64) throws {
        let graph = history.graph
        let newest = Int(history.revision.rawValue)
        let revision = Revision(UInt64(newest - random.below(min(newest, 4))))
        let world = history.states[Int(revision.rawValue)].world
        var tuples: [RelationTuple] = []
        if random.chance(1, in: 2) { tuples = (0..<(1 + random.below(4))).map { _ in world.tuple(&random) } }
        var pending: [Pending] = []
        var held: [HeldBasis] = []
        for _ in 0..<3 {
            let basis = try graph.basis(at: revision, adding: tuples)
            guard let evaluation = try begin(graph, basis, world, &random) else { continue }
            evaluation.hold()
            pending.append(evaluation)
            held.append(graph.hold(basis))
        }
        for _ in 0..<Self.stepsMax where !pending.isEmpty {
            try history.step(&random)
            for place in pending.indices.reversed() {
                do {
                    let basis = try graph.basis(of: held[place])
                    pending[place].move(to: basis)
                }
                guard let next = try slice(pending[place], graph, &random, seed) else {
                    pending.remove(at: place)
                    held.remove(at: place)
                    continue
                }
                next.hold()
                pending[place] = next
            }
        }
        // Nobody waits any more. What the lookups and listings had goes with them.
        for case .check(let evaluation, _) in pending { graph.abandon(evaluation) }
    }

    /// Begins a random evaluation; nil if it came to its end at once.
    private func begin(
        _ graph: Graph,
        _ basis: Basis,
        _ world: RandomWorld,
        _ random: inout SeededRandom
    ) throws -> Pending? {
        let context = world.context(&random)
        let names = world.schema.definitions.filter { !$0.relations.isEmpty }
        let definition = names[random.below(names.count)]
        let relation = definition.relations[random.below(definition.relations.count)].name
        let resource = ObjectReference(type: definition.name, id: String(random.below(world.objects + 1)))
        let subject = world.subject(&random)
        switch random.below(4) {
        case 0:
            let item = CheckItem(resource: resource, permission: relation, subject: subject, context: context)
            guard let expected = try? graph.check(item, in: basis) else { return nil }
            let check = try graph.resolve(item, in: basis)
            let step = graph.evaluate(check, in: basis, context: context, depth: .max, slice: 1)
            guard case .suspended(let evaluation) = step else { return nil }
            return .check(evaluation, expected: expected)
        case 1:
            var request = LookupResourcesRequest(
                permissions: [TypePermission(type: definition.name, permission: relation)],
                subject: subject,
                context: EvaluationContext(values: context)
            )
            if random.chance(1, in: 3) { request.candidates = (0...world.objects).map { String($0) } }
            guard let expected = try? graph.lookupResources(request, in: basis) else { return nil }
            let lookup = try ResourceLookup(graph: graph, basis: basis, request: request)
            return .resources(lookup, taken: [], expected: expected)
        case 2:
            let request = PermissionsRequest(
                resource: resource,
                subject: subject,
                context: EvaluationContext(values: context)
            )
            guard let expected = try? graph.permissions(request, in: basis) else { return nil }
            return .listing(try PermissionListing(graph: graph, basis: basis, request: request), expected: expected)
        default:
            let request = LookupSubjectsRequest(
                resource: resource,
                permissions: [relation],
                kinds: [SubjectKind(type: subject.object.type, relation: subject.relation)],
                context: EvaluationContext(values: context)
            )
            guard let expected = try? graph.lookupSubjects(request, in: basis) else { return nil }
            let lookup = try SubjectLookup(graph: graph, basis: basis, request: request)
            return .subjects(lookup, taken: [], expected: expected)
        }
    }

    /// Does a slice; nil if the answer is there, which is compared.
    private func slice(
        _ pending: Pending,
        _ graph: Graph,
        _ random: inout SeededRandom,
        _ seed: UInt64
    ) throws -> Pending? {
        let visits = 1 + random.below(4)
        switch pending {
        case .check(let evaluation, let expected):
            switch graph.resume(evaluation, slice: visits) {
            case .suspended(let evaluation): return .check(evaluation, expected: expected)
            case .done(let has): #expect((has ? Decision.has : .hasNot) == expected, Self.replay(seed))
            case .conditional(let missing):
                #expect(Decision(.conditional, missingContext: missing) == expected, Self.replay(seed))
            case .failed(let error): Issue.record("\(error) \(Self.replay(seed))")
            }
        case .resources(let lookup, var taken, let expected):
            let isDone = try lookup.run(slice: visits)
            _ = lookup.nextBatch(.max) {
                taken.append(FoundResource(permission: $0, id: String(decoding: $1, as: UTF8.self), decision: $2))
            }
            guard isDone else { return .resources(lookup, taken: taken, expected: expected) }
            #expect(taken == expected, Self.replay(seed))
        case .subjects(let lookup, var taken, let expected):
            let isDone = try lookup.run(slice: visits)
            _ = lookup.nextBatch(.max) { taken.append($0) }
            guard isDone else { return .subjects(lookup, taken: taken, expected: expected) }
            #expect(taken == expected, Self.replay(seed))
        case .listing(let listing, let expected):
            guard try listing.run(slice: visits) else { return pending }
            #expect(listing.entries == expected, Self.replay(seed))
        }
        return nil
    }

    @Test("a row that is gone through while it is written is gone through as it was")
    func longRow() throws {
        let source = """
            definition user {}
            definition group {
                relation member: user | group#member
            }
            """
        let graph = Graph(capacity: .small, history: HistoryLimits(changes: 100_000, span: .seconds(1)))
        graph.restart(at: .zero, time: Timestamp(nanoseconds: 0))
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1))
        try graph.replaceSchema(schema(source))
        for number in 0..<3_000 { try graph.add("group:top#member@group:\(number)#member") }
        try graph.add("group:2999#member@user:ann")
        let item = CheckItem(
            resource: ObjectReference(type: "group", id: "top"),
            permission: "member",
            subject: SubjectReference(type: "user", id: "ann")
        )
        var held: HeldBasis
        var suspended: Evaluation
        do {
            let basis = graph.presentBasis
            let check = try graph.resolve(item, in: basis)
            guard case .suspended(let evaluation) = graph.evaluate(check, slice: 100) else {
                Issue.record("a check of 3,000 groups ended in a slice of 100 visits")
                return
            }
            suspended = evaluation
            suspended.hold()
            held = graph.hold(basis)
        }
        // The way to ann is taken away, and the row changes at both ends and in the middle.
        graph.begin(Revision(2), time: Timestamp(nanoseconds: 2))
        try graph.drop("group:2999#member@user:ann")
        for number in stride(from: 0, to: 3_000, by: 3) { try graph.drop("group:top#member@group:\(number)#member") }
        for number in 3_000..<6_000 { try graph.add("group:top#member@group:\(number)#member") }
        #expect(try !graph.has("group:top#member@user:ann"))
        var steps = 0
        while true {
            suspended.move(to: try graph.basis(of: held))
            let step = graph.resume(suspended, slice: 100)
            guard case .suspended(let next) = step else {
                guard case .done(true) = step else {
                    Issue.record("the check did not find ann: \(step)")
                    return
                }
                break
            }
            suspended = next
            suspended.hold()
            steps += 1
            graph.begin(Revision(UInt64(2 + steps)), time: Timestamp(nanoseconds: 2))
            try graph.drop("group:top#member@group:\(1 + 3 * steps)#member")
        }
        #expect(steps > 20)
    }

    @Test("a state that the history has forgotten is refused, not guessed")
    func forgotten() throws {
        let graph = Graph(capacity: .small, history: HistoryLimits(changes: 4, span: .seconds(1)))
        graph.restart(at: .zero, time: Timestamp(nanoseconds: 0))
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1))
        try graph.replaceSchema(schema("definition user {}\ndefinition group {\n  relation member: user\n}"))
        let held = graph.hold(graph.presentBasis)
        for number in 2..<10 {
            graph.begin(Revision(UInt64(number)), time: Timestamp(nanoseconds: 1))
            try graph.add("group:a#member@user:\(number)")
        }
        #expect(throws: GraphError.tooOld(oldest: graph.oldestRevision)) { try graph.basis(of: held) }
    }
}
