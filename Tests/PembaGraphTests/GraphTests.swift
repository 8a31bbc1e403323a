// Pemba: tests of writing, reading and replacing the schema.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

@testable import PembaGraph

@Suite("Graph")
struct GraphTests {
    private static let source = """
        definition user {}
        definition group {
            relation member: user | group#member
            relation owner: user
            permission lead = owner
        }
        definition doc {
            relation viewer: user | user:* | group#member | group#lead
            relation parent: doc
            permission view = viewer + parent->view
        }
        """

    @Test("what the schema does not admit is refused, and the error names what it admits")
    func validation() throws {
        let graph = try graph(Self.source)
        func refused(_ text: String) throws -> GraphError? {
            let tuple = try RelationTuple(parsing: text)
            do throws(GraphError) { try graph.validate(tuple) } catch { return error }
            return nil
        }
        #expect(try refused("doc:1#viewer@group:g#lead") == nil)
        #expect(try refused("paper:1#viewer@user:ann") == .unknownDefinition("paper"))
        #expect(try refused("doc:1#reader@user:ann") == .unknownRelation(definition: "doc", relation: "reader"))
        #expect(try refused("doc:1#view@user:ann") == .cannotWritePermission(definition: "doc", permission: "view"))
        #expect(try refused("doc:1#viewer@robot:1") == .unknownDefinition("robot"))
        #expect(try refused("doc:1#viewer@group:g#none") == .unknownRelation(definition: "group", relation: "none"))
        let wrong = try RelationTuple(parsing: "doc:1#viewer@group:g")
        let admitted = ["user", "user:*", "group#member", "group#lead"]
        #expect(try refused("doc:1#viewer@group:g") == .subjectNotAllowed(wrong, given: "group", admitted: admitted))
        #expect(try refused("group:1#member@user:*") != nil)
        for (resource, subject) in [
            ("*", "a"), ("", "a"), ("a", ""), ("a\u{7}", "a"), ("a", String(repeating: "x", count: 1_025)),
        ] {
            let tuple = RelationTuple(
                resource: ObjectReference(type: "doc", id: resource),
                relation: "viewer",
                subject: SubjectReference(type: "user", id: subject)
            )
            #expect(throws: GraphError.self) { try graph.validate(tuple) }
        }
        let longest = RelationTuple(
            resource: ObjectReference(type: "doc", id: String(repeating: "y", count: 1_024)),
            relation: "viewer",
            subject: SubjectReference(type: "user", id: String(repeating: "x", count: 1_024))
        )
        try graph.validate(longest)
        #expect(graph.insert(longest))
        #expect(graph.contains(longest))
        #expect(graph.remove(longest) != nil)
    }

    @Test("ids are bytes: two spellings of one character are two ids")
    func spelling() throws {
        let graph = try graph(Self.source)
        try graph.add("doc:1#viewer@user:caf\u{e9}")
        #expect(try graph.has("doc:1#view@user:caf\u{e9}"))
        #expect(try !graph.has("doc:1#view@user:cafe\u{301}"))
    }

    @Test("writes say whether they changed anything; the fingerprint follows contents, not order")
    func writes() throws {
        let texts = [
            "doc:1#viewer@user:ann", "doc:1#viewer@group:g#member", "doc:2#parent@doc:1", "doc:1#viewer@user:*",
        ]
        let one = try graph(Self.source, texts)
        let two = try graph(Self.source, texts.reversed())
        #expect(one.contentHash == two.contentHash)
        #expect(one.contentHash != .zero)
        let first = try RelationTuple(parsing: texts[0])
        #expect(!one.insert(first))
        #expect(one.tupleCount == 4)
        #expect(one.remove(first) != nil)
        #expect(one.remove(first) == nil)
        #expect(!one.contains(first))
        #expect(one.contentHash != two.contentHash)
        #expect(one.insert(first))
        #expect(one.contentHash == two.contentHash)
        for text in texts { try one.drop(text) }
        #expect(one.contentHash == .zero)
        #expect(one.tupleCount == 0)
        #expect(one.entityCount == 0)
    }

    @Test("objects come and go without taking more memory, and growing the index loses none")
    func churn() throws {
        let graph = try graph(Self.source)
        var memory = 0
        for round in 0..<4 {
            for number in 0..<6_000 {
                try graph.add("doc:\(round)-\(number)#viewer@user:\(round)-\(number)-with-a-longer-id")
            }
            #expect(graph.entityCount == 12_000)
            for number in stride(from: 0, to: 6_000, by: 97) {
                #expect(try graph.has("doc:\(round)-\(number)#view@user:\(round)-\(number)-with-a-longer-id"))
            }
            for number in 0..<6_000 {
                try graph.drop("doc:\(round)-\(number)#viewer@user:\(round)-\(number)-with-a-longer-id")
            }
            #expect(graph.entityCount == 0)
            if round == 1 { memory = graph.memoryBytes }
            if round > 1 { #expect(graph.memoryBytes <= memory) }
        }
    }

    // MARK: Reading

    /// A record that is free links to the next free one, which must not be taken for a row.
    @Test("a precondition without a whole object looks at objects that are there, and at those alone")
    func matchesAfterRemovals() throws {
        let graph = try graph(Self.source)
        // Rows of several entries, so that the arena holds something that a wrong row word could point to.
        for number in 0..<300 {
            for viewer in 0..<3 { try graph.add("doc:\(number)#viewer@user:\(number)-\(viewer)") }
        }
        for number in 0..<299 {
            for viewer in 0..<3 { try graph.drop("doc:\(number)#viewer@user:\(number)-\(viewer)") }
        }
        #expect(graph.matches(RelationshipFilter(resourceIDPrefix: "299"), work: 1_000_000) == true)
        #expect(graph.matches(RelationshipFilter(resourceIDPrefix: "3"), work: 1_000_000) == false)
        #expect(graph.matches(RelationshipFilter(subjectID: "299-1"), work: 1_000_000) == true)
        #expect(graph.matches(RelationshipFilter(subjectID: "3-1"), work: 1_000_000) == false)
    }

    @Test(
        "pages equal the filtered tuples in order, whatever the filter, limit and work",
        arguments: Array(Seeds(short: 12, full: 200))
    )
    func reads(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let world = try RandomWorld(&random, objects: 4 + random.below(30), features: [])
        let graph = Graph(capacity: .small)
        try graph.replaceSchema(world.schema)
        var model: Set<RelationTuple> = []
        for round in 0..<4 {
            for _ in 0..<150 {
                let tuple = world.tuple(&random)
                if random.chance(round == 0 ? 0 : 2, in: 5) {
                    #expect((graph.remove(tuple) != nil) == (model.remove(tuple) != nil))
                } else {
                    #expect(graph.insert(tuple) == model.insert(tuple).inserted)
                }
            }
            let sorted = model.sorted { $0.precedes($1) }
            for _ in 0..<40 {
                let filter = randomFilter(sorted, &random)
                let expected = sorted.filter { filter.matches($0) }
                let limit = 1 + random.below(20)
                let pages = graph.all(filter, limit: limit, work: 1 + random.below(200))
                #expect(pages == expected, "\(filter) \(Seeds.replay(seed, "GraphTests"))")
                #expect(
                    graph.matches(filter, work: 1_000_000) == !expected.isEmpty,
                    "\(filter) \(Seeds.replay(seed, "GraphTests"))"
                )
            }
        }
    }

    private func randomFilter(_ tuples: [RelationTuple], _ random: inout SeededRandom) -> RelationshipFilter {
        let like = tuples[random.below(tuples.count)]
        let other = tuples[random.below(tuples.count)]
        var filter = RelationshipFilter()
        if random.chance(1, in: 2) { filter.resourceType = like.resource.type }
        if random.chance(1, in: 4) { filter.resourceID = like.resource.id }
        if filter.resourceID == nil, random.chance(1, in: 4) {
            filter.resourceIDPrefix = String(like.resource.id.prefix(1))
        }
        if random.chance(1, in: 3) { filter.relation = like.relation }
        if random.chance(1, in: 3) { filter.subjectType = other.subject.object.type }
        if random.chance(1, in: 4) { filter.subjectID = other.subject.object.id }
        switch random.below(4) {
        case 0: filter.subjectRelation = .none
        case 1: filter.subjectRelation = other.subject.relation.map { .named($0) } ?? .any
        default: break
        }
        return filter
    }

    @Test("tuples that stay are seen once while others come and go between pages")
    func stablePages() throws {
        let graph = try graph(Self.source)
        var random = SeededRandom(seed: 5)
        for number in 0..<300 { try graph.add("doc:stay\(number)#viewer@user:\(number)") }
        var seen: [RelationTuple] = []
        var after: RelationTuple?
        var number = 0
        reading: while true {
            for _ in 0..<5 {
                try graph.add("doc:\(["a", "stay", "z"][number % 3])-\(number)#viewer@user:new")
                if number > 20 {
                    let gone = number - 20 + random.below(1)
                    try graph.drop("doc:\(["a", "stay", "z"][gone % 3])-\(gone)#viewer@user:new")
                }
                number += 1
            }
            switch graph.read(RelationshipFilter(resourceType: "doc"), after: after, limit: 7, work: 50) {
            case .again: continue
            case .page(let page, let next):
                seen += page.filter { $0.resource.id.hasPrefix("stay") && !$0.resource.id.contains("-") }
                guard let next else { break reading }
                after = next
            }
        }
        #expect(seen.count == 300)
        #expect(Set(seen).count == 300)
    }

    @Test("filters with unknown names are refused")
    func filterNames() throws {
        let graph = try graph(Self.source)
        #expect(throws: GraphError.unknownDefinition("nope")) {
            try graph.validate(RelationshipFilter(resourceType: "nope"))
        }
        #expect(throws: GraphError.unknownRelation(definition: "doc", relation: "nope")) {
            try graph.validate(RelationshipFilter(resourceType: "doc", relation: "nope"))
        }
        #expect(throws: GraphError.self) {
            try graph.validate(RelationshipFilter(resourceType: "doc", resourceID: "1", resourceIDPrefix: "1"))
        }
        try graph.validate(
            RelationshipFilter(resourceType: "doc", subjectType: "group", subjectRelation: .named("member"))
        )
    }

    // MARK: The schema

    @Test("a schema that would orphan tuples is refused, naming the first; nothing changes")
    func orphans() throws {
        let graph = try graph(
            Self.source,
            [
                "doc:2#viewer@group:g#member", "doc:1#viewer@user:*", "doc:1#viewer@group:g#lead",
                "group:g#owner@user:ann", "doc:10#viewer@group:a#member",
            ]
        )
        let hash = graph.contentHash
        func offender(_ source: String) throws -> String? {
            let compiled = try schema(source)
            do throws(GraphError) { try graph.replaceSchema(compiled) } catch {
                guard case .wouldOrphan(let tuple, let reason) = error else { return "another error" }
                #expect(!reason.isEmpty)
                return tuple.description
            }
            return nil
        }
        func without(_ part: String, _ replacement: String = "") -> String {
            var text = Self.source
            while let range = text.firstRange(of: part) { text.replaceSubrange(range, with: replacement) }
            return text
        }
        #expect(try offender(without("| user:* ")) == "doc:1#viewer@user:*")
        #expect(try offender(without(" | group#lead")) == "doc:1#viewer@group:g#lead")
        #expect(try offender(without("| group#member | group#lead", "| group#lead")) == "doc:10#viewer@group:a#member")
        #expect(try offender(without("relation owner: user", "permission owner = member")) == "group:g#owner@user:ann")
        #expect(
            try offender(without("relation owner: user", "relation boss: user").replacing("= owner", with: "= boss"))
                == "group:g#owner@user:ann"
        )
        #expect(try offender("definition user {}") == "doc:1#viewer@group:g#lead")
        #expect(graph.contentHash == hash)
        #expect(graph.schema?.source == Self.source)
        #expect(try graph.has("doc:1#view@user:anyone"))
        // Permissions and what holds no tuple may go.
        try graph.replaceSchema(schema(without("relation parent: doc\n").replacing(" + parent->view", with: "")))
        #expect(try graph.has("doc:1#view@user:anyone"))
    }

    @Test("a schema that takes from a caveat what stored contexts may have is refused, naming the first tuple")
    func changedCaveats() throws {
        let relations = """
            definition user {}
            definition doc {
                relation viewer: user | user with office
            }
            """
        let graph = try graph(
            "caveat office(ip ipaddress, hour int) { ip.in_cidr(\"10.0.0.0/8\") && hour < 18 }\n" + relations,
            ["doc:2#viewer@user:ann[office]", "doc:1#viewer@user:bob", "doc:1#viewer@user:eve[office]"]
        )
        func refusal(_ caveat: String) throws -> String? {
            let compiled = try schema(caveat + "\n" + relations)
            do throws(GraphError) { try graph.replaceSchema(compiled) } catch { return error.description }
            return nil
        }
        let orphan = "the schema would orphan the stored relationship `doc:1#viewer@user:eve[office]`: it "
        #expect(
            try refusal("caveat office(hour int) { hour < 18 }")
                == orphan + "takes parameter `ip` away from caveat `office`"
        )
        #expect(
            try refusal("caveat office(ip string, hour int) { ip == \"here\" && hour < 18 }")
                == orphan + "changes parameter `ip` of caveat `office` from `ipaddress` to `string`"
        )
        #expect(
            try refusal("caveat office(ip ipaddress, hour int, day int) { hour < day && ip.in_cidr(\"10.0.0.0/8\") }")
                == nil
        )
    }

    @Test("tuples, counts and answers survive any order of definitions and new names")
    func evolution() throws {
        let graph = try graph(Self.source, ["doc:1#viewer@group:g#member", "group:g#member@user:ann"])
        let reordered = """
            definition added {
                relation link: doc
            }
            definition doc {
                relation extra: user
                permission view = viewer & extra
                relation viewer: group#lead | group#member | user
            }
            definition group {
                permission lead = owner
                relation member: group#member | user
                relation owner: user
            }
            definition user {}
            """
        try graph.replaceSchema(schema(reordered))
        #expect(try graph.has("doc:1#viewer@user:ann"))
        #expect(try !graph.has("doc:1#view@user:ann"))
        try graph.add("doc:1#extra@user:ann")
        #expect(try graph.has("doc:1#view@user:ann"))
        #expect(throws: GraphError.self) { try graph.replaceSchema(schema(Self.source)) }
        try graph.drop("doc:1#extra@user:ann")
        try graph.replaceSchema(schema(Self.source))
        #expect(try graph.has("doc:1#view@user:ann"))
        #expect(graph.all().map(\.description) == ["doc:1#viewer@group:g#member", "group:g#member@user:ann"])
        try graph.drop("doc:1#viewer@group:g#member")
        try graph.drop("group:g#member@user:ann")
        try graph.replaceSchema(schema("definition other {}"))
        try graph.replaceSchema(schema(Self.source))
        #expect(graph.tupleCount == 0)
    }
}
