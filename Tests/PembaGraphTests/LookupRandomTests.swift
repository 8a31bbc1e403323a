// Pemba: lookups in random worlds.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import PembaTestSupport
import Testing

@testable import PembaGraph

/// Goal: lookups give what checks of everything give, whatever the schema, the cycles, the conditions and the times.
@Suite("Random lookups")
struct LookupRandomTests {
    /// A world, two graphs that got its tuples in different orders, and the context of the questions.
    private struct Scene {
        let seed: UInt64
        var random: SeededRandom
        let world: RandomWorld
        let graph: Graph
        let twin: Graph
        let context: ContextObject

        init(seed: UInt64) throws {
            self.seed = seed
            random = SeededRandom(seed: seed)
            world = try RandomWorld(&random, objects: 2 + random.below(4))
            var tuples: [String: RelationTuple] = [:]
            for _ in 0..<(5 + random.below(60)) {
                let tuple = world.tuple(&random)
                tuples[tuple.key.description] = tuple
            }
            let sorted = tuples.values.sorted { $0.description.precedesByBytes($1.description) }
            graph = try Scene.fill(sorted, world)
            twin = try Scene.fill(sorted.reversed(), world)
            context = world.context(&random)
        }

        private static func fill(_ tuples: [RelationTuple], _ world: RandomWorld) throws -> Graph {
            let graph = Graph(capacity: .small, hashSeed: UInt64(tuples.count))
            graph.begin(Revision(1), time: Timestamp(nanoseconds: world.time))
            try graph.replaceSchema(world.schema)
            for tuple in tuples { _ = graph.put(tuple) }
            return graph
        }

        /// All relations and permissions.
        var permissions: [TypePermission] {
            world.schema.definitions.flatMap { definition in
                definition.relations.map { TypePermission(type: definition.name, permission: $0.name) }
            }
        }

        /// All kinds of subjects.
        var kinds: [SubjectKind] {
            world.schema.definitions.map { SubjectKind(type: $0.name) }
                + permissions.map { SubjectKind(type: $0.type, relation: $0.permission) }
        }

        func check(
            _ resource: ObjectReference,
            _ permission: String,
            _ subject: SubjectReference
        ) throws -> Decision {
            try graph.check(
                CheckItem(resource: resource, permission: permission, subject: subject, context: context)
            )
        }

        var comment: Comment {
            "\(world.schema.source) with \(graph.all().map(\.description)) and \(context.json) \(Seeds.replay(seed, "LookupRandomTests"))"
        }
    }

    /// The error that something ends with, or its value.
    private func outcome<Value>(_ body: () throws -> Value) -> Result<Value, GraphError> {
        do {
            return .success(try body())
        } catch let error as GraphError {
            return .failure(error)
        } catch {
            preconditionFailure("only graphs fail here")
        }
    }

    @Test("resources are those that checks find", arguments: Array(Seeds(short: 60, full: 3_000)))
    func resources(seed: UInt64) throws {
        var scene = try Scene(seed: seed)
        let subject = scene.world.subject(&scene.random)
        var asked = scene.permissions
        asked.shuffle(using: &scene.random)
        asked = Array(asked.prefix(1 + scene.random.below(asked.count)))
        let expected = outcome {
            var all: [FoundResource] = []
            for (place, permission) in asked.enumerated() {
                for id in 0...scene.world.objects {
                    let resource = ObjectReference(type: permission.type, id: String(id))
                    let decision = try scene.check(resource, permission.permission, subject)
                    guard decision != .hasNot else { continue }
                    all.append(FoundResource(permission: place, id: resource.id, decision: decision))
                }
            }
            return all
        }
        var request = LookupResourcesRequest(
            permissions: asked,
            subject: subject,
            context: EvaluationContext(values: scene.context)
        )
        guard case .success(let all) = expected else {
            #expect(throws: GraphError.self) { try scene.graph.lookupResources(request) }
            return
        }
        #expect(try scene.graph.lookupResources(request) == all, "\(subject) \(asked) \(scene.comment)")
        for size in [1, 2, 3, all.count + 1] {
            #expect(try scene.graph.pages(request, of: size) == all, "pages of \(size) \(scene.comment)")
        }
        #expect(try scene.twin.pages(request, of: 2) == all, "another order of writes \(scene.comment)")
        request.candidates = ["0", "2", "9"]
        let some = all.filter { ["0", "2"].contains($0.id) }
        #expect(try scene.graph.pages(request, of: 2) == some, "candidates \(scene.comment)")
        request.candidates = nil
        request.idPrefix = "1"
        #expect(try scene.graph.pages(request, of: 2) == all.filter { $0.id == "1" }, "a prefix \(scene.comment)")
    }

    @Test("subjects are those that checks find", arguments: Array(Seeds(short: 60, full: 3_000)))
    func subjects(seed: UInt64) throws {
        var scene = try Scene(seed: seed)
        let definitions = scene.world.schema.definitions.filter { !$0.relations.isEmpty }
        let definition = definitions[scene.random.below(definitions.count)]
        let resource = ObjectReference(type: definition.name, id: String(scene.random.below(scene.world.objects + 1)))
        var permissions = definition.relations.map(\.name)
        permissions.shuffle(using: &scene.random)
        permissions = Array(permissions.prefix(2))
        var kinds = scene.kinds
        kinds.shuffle(using: &scene.random)
        kinds = Array(kinds.prefix(1 + scene.random.below(4)))
        let request = LookupSubjectsRequest(
            resource: resource,
            permissions: permissions,
            kinds: kinds,
            context: EvaluationContext(values: scene.context)
        )
        guard case .success(let found) = outcome({ try scene.graph.lookupSubjects(request) }) else {
            return
        }
        for (place, permission) in permissions.enumerated() {
            for (kindPlace, kind) in kinds.enumerated() {
                let part = found.filter { $0.permission == place && $0.kind == kindPlace }
                try hold(part, scene, resource, permission, kind)
            }
        }
        let order = found.map { ($0.permission, $0.kind, $0.id == "*" ? "" : $0.id) }
        #expect(zip(order, order.dropFirst()).allSatisfy { $0 < $1 }, "order \(scene.comment)")
        for size in [1, 2, 3, found.count + 1] {
            #expect(try scene.graph.pages(request, of: size) == found, "pages of \(size) \(scene.comment)")
        }
        #expect(try scene.twin.pages(request, of: 2) == found, "another order of writes \(scene.comment)")
    }

    /// Compares the subjects of one kind with checks of all, and of one that no tuple names.
    private func hold(
        _ found: [FoundSubject],
        _ scene: Scene,
        _ resource: ObjectReference,
        _ permission: String,
        _ kind: SubjectKind
    ) throws {
        let comment: Comment = "\(resource)#\(permission) of \(kind): \(found) \(scene.comment.rawValue)"
        func answer(_ id: String) throws -> Decision {
            try scene.check(
                resource,
                permission,
                SubjectReference(type: kind.type, id: id, relation: kind.relation)
            )
        }
        let anybody = try answer("nobody")
        let wildcard = found.first { $0.id == "*" }
        #expect((wildcard?.decision ?? .hasNot) == anybody, comment)
        let excluded = wildcard?.excluded ?? []
        #expect(Set(excluded.map(\.id)).count == excluded.count, comment)
        for number in 0...scene.world.objects {
            let id = String(number)
            let decision = try answer(id)
            let listed = found.first { $0.id == id }
            if let listed { #expect(listed.decision == decision, comment) }
            let exclusion = excluded.first { $0.id == id }
            switch decision.permissionship {
            case .noPermission:
                #expect(listed == nil, comment)
                #expect(exclusion?.decision == (wildcard == nil ? nil : .has), comment)
            case .hasPermission:
                #expect(exclusion == nil, comment)
                #expect(listed != nil || anybody.permissionship != .noPermission, comment)
            case .conditional:
                #expect(exclusion == nil || exclusion?.decision == decision, comment)
                #expect(listed != nil || anybody.permissionship != .noPermission, comment)
                if anybody == .has { #expect(exclusion != nil, comment) }
            }
        }
    }

    @Test("the permissions of a resource are those that checks find", arguments: Array(Seeds(short: 30, full: 1_000)))
    func permissions(seed: UInt64) throws {
        var scene = try Scene(seed: seed)
        let subject = scene.world.subject(&scene.random)
        for resource in scene.world.resources {
            guard let definition = scene.world.schema.definitions.first(where: { $0.name == resource.type }) else {
                continue
            }
            let request = PermissionsRequest(
                resource: resource,
                subject: subject,
                context: EvaluationContext(values: scene.context)
            )
            let expected = outcome {
                try definition.relations.map { relation in
                    let isRelation = if case .relation = relation.kind { true } else { false }
                    return PermissionsAnswer.Entry(
                        permission: relation.name,
                        isRelation: isRelation,
                        decision: try scene.check(resource, relation.name, subject)
                    )
                }
            }
            #expect(outcome { try scene.graph.permissions(request) } == expected, scene.comment)
        }
    }
}
