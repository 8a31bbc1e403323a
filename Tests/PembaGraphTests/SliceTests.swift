// Pemba: no slice does more than it may.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaService
import Testing

@testable import PembaGraph

/// Goal: whatever there is to do, it is done in slices of about the size that was asked for, so that others get their turn.
///
/// Work is counted in visits, so that nothing here depends on the machine.
@Suite("Slices")
struct SliceTests {
    private static let source = """
        definition user {}
        caveat late(hour int) { hour > 20 }
        caveat long(items list<int>, most int) { items.all(i, i >= 0) && most > 0 }
        definition group {
            relation member: user | user with late | group#member | group#member with long
            relation banned: user
            permission active = member - banned
        }
        definition document {
            relation viewer: user | user with late | user with long
            permission view = viewer
        }
        """
    private static let count = 6_000

    /// Counts the slices of a lookup, and how many results one slice made at most.
    private func slices(_ run: () throws -> Bool, _ results: () -> Int) rethrows -> (count: Int, most: Int) {
        var count = 0
        var most = 0
        var before = 0
        var isDone = false
        while !isDone {
            isDone = try run()
            count += 1
            most = max(most, results() - before)
            before = results()
        }
        return (count, most)
    }

    @Test("a lookup of resources walks, sorts and gives what it has found bit by bit")
    func resources() throws {
        let graph = try graph(Self.source)
        for number in 0..<Self.count {
            try graph.add("document:\(number * 7919 % Self.count)#viewer@user:ann\(number % 2 == 0 ? "" : "[late]")")
        }
        let request = LookupResourcesRequest(
            permissions: [TypePermission(type: "document", permission: "view")],
            subject: SubjectReference(type: "user", id: "ann")
        )
        let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request)
        let slices = try slices({ try lookup.run(slice: 100) }, { lookup.resultCount })
        #expect(lookup.resultCount == Self.count)
        #expect(slices.most <= 100 && slices.count >= 3 * Self.count / 100, "\(slices)")
        var ids: [String] = []
        _ = lookup.nextBatch(.max) { _, id, _ in ids.append(String(decoding: id, as: UTF8.self)) }
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.precedesByBytes($1) })
    }

    @Test("a lookup of subjects walks, sorts and judges what it has found bit by bit")
    func subjects() throws {
        let graph = try graph(Self.source)
        for number in 0..<Self.count {
            try graph.add("group:a#member@user:\(number * 7919 % Self.count)\(number % 2 == 0 ? "" : "[late]")")
        }
        let request = LookupSubjectsRequest(
            resource: ObjectReference(type: "group", id: "a"),
            permissions: ["active"],
            kinds: [SubjectKind(type: "user")]
        )
        let lookup = try SubjectLookup(graph: graph, basis: graph.presentBasis, request: request)
        let slices = try slices({ try lookup.run(slice: 100) }, { lookup.resultCount })
        #expect(lookup.resultCount == Self.count)
        #expect(slices.most <= 100 && slices.count >= 5 * Self.count / 100, "\(slices)")
        var ids: [String] = []
        _ = lookup.nextBatch(.max) { ids.append($0.id) }
        #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.precedesByBytes($1) })
    }

    @Test("what a subject has on a resource is found out bit by bit")
    func listing() throws {
        let graph = try graph(Self.source)
        for number in 0..<Self.count { try graph.add("group:top#member@group:\(number)#member") }
        try graph.add("group:\(Self.count - 1)#member@user:ann[late]")
        let request = PermissionsRequest(
            resource: ObjectReference(type: "group", id: "top"),
            subject: SubjectReference(type: "user", id: "ann"),
            context: .empty
        )
        let listing = try PermissionListing(graph: graph, basis: graph.presentBasis, request: request)
        let slices = try slices({ try listing.run(slice: 100) }, { listing.entries.count })
        #expect(slices.count >= 5 * Self.count / 200, "\(slices)")
        let hour = Decision(.conditional, missingContext: ["hour"])
        #expect(listing.entries.map(\.permission) == ["member", "banned", "active"])
        #expect(listing.entries.map(\.decision) == [hour, .hasNot, hour])
    }

    @Test("what a conditional result lacks is searched bit by bit")
    func missing() throws {
        let graph = try graph(Self.source)
        for number in 0..<Self.count { try graph.add("group:top#member@group:\(number)#member") }
        try graph.add("group:\(Self.count - 1)#member@user:ann[late]")
        let item = CheckItem(
            resource: ObjectReference(type: "group", id: "top"),
            permission: "active",
            subject: SubjectReference(type: "user", id: "ann")
        )
        let check = try graph.resolve(item, in: graph.presentBasis)
        var step = graph.evaluate(check, slice: 100)
        var steps = 1
        while case .suspended(let evaluation) = step {
            step = graph.resume(evaluation, slice: 100)
            steps += 1
        }
        guard case .conditional(["hour"]) = step else {
            Issue.record("\(step)")
            return
        }
        // For certainty, for possibility, and for what is missing.
        #expect(steps >= 5 * Self.count / 200, "\(steps)")
    }

    // MARK: Conditions

    /// A list of as many numbers, as JSON.
    private static func items(_ count: Int, _ last: Int) -> String {
        "{\"items\": [" + (0..<count).map { String($0) }.joined(separator: ",") + ",\(last)]}"
    }

    @Test("what conditions cost counts as visits, against slices and budgets")
    func conditions() throws {
        let graph = try graph(Self.source)
        for number in 0..<30 {
            try graph.add("group:top#member@group:\(number)#member[long:\(Self.items(800, number))]")
            try graph.add("document:\(number)#viewer@user:ann[long:\(Self.items(800, number))]")
        }
        let item = CheckItem(
            resource: ObjectReference(type: "group", id: "top"),
            permission: "member",
            subject: SubjectReference(type: "user", id: "ann"),
            context: try ContextObject(parsing: #"{"most": 1}"#)
        )
        #expect(throws: GraphError.budgetExceeded(1_000)) { try graph.check(item, budget: 1_000) }
        #expect(try graph.check(item, budget: 100_000) == .hasNot)
        let check = try graph.resolve(item, in: graph.presentBasis)
        var step = graph.evaluate(check, in: graph.presentBasis, context: item.context, depth: .max, slice: 64)
        var steps = 1
        while case .suspended(let evaluation) = step {
            step = graph.resume(evaluation, slice: 64)
            steps += 1
        }
        #expect(steps >= 30, "\(steps)")
        let request = LookupResourcesRequest(
            permissions: [TypePermission(type: "document", permission: "view")],
            subject: item.subject,
            context: EvaluationContext(values: item.context)
        )
        let lookup = try ResourceLookup(graph: graph, basis: graph.presentBasis, request: request)
        let slices = try slices({ try lookup.run(slice: 64) }, { lookup.resultCount })
        #expect(lookup.resultCount == 30 && slices.count >= 30, "\(slices)")
    }

    // MARK: Long rows

    /// Reads a long row page by page as it was at a revision, while it is written.
    private func readLongRow(
        byResource: Bool,
        isOnePage: Bool
    ) throws -> (tuples: [RelationTuple], expected: [RelationTuple], again: Int, pages: Int) {
        let graph = Graph(capacity: .small, history: HistoryLimits(changes: 100_000, span: .seconds(1)))
        graph.restart(at: .zero, time: Timestamp(nanoseconds: 0))
        graph.begin(Revision(1), time: Timestamp(nanoseconds: 1))
        try graph.replaceSchema(schema(Self.source))
        try graph.add("document:1#viewer@user:ann")
        for number in 0..<10_000 {
            try graph.add("group:a#member@user:\(number * 7919 % 10_000)\(number % 100 == 0 ? "[late]" : "")")
        }
        try graph.add("group:b#member@user:ann")
        var filter = RelationshipFilter()
        if byResource {
            filter.resourceType = "group"
            filter.resourceID = "a"
        }
        let expected = graph.all(filter)
        var progress = ReadProgress(isOnePage: isOnePage)
        var tuples: [RelationTuple] = []
        var after: RelationTuple?
        var again = 0
        var pages = 0
        while true {
            graph.begin(Revision(UInt64(2 + again + pages)), time: Timestamp(nanoseconds: 1))
            _ = graph.remove(expected[(again + pages) * 31 % expected.count].key)
            try graph.add("group:a#member@user:new\(again + pages)")
            let basis = try graph.basis(at: Revision(1))
            switch graph.read(filter, in: basis, after: after, limit: 200, work: 1_000, progress: progress) {
            case .again: again += 1
            case .page(let page, let next):
                pages += 1
                tuples += page
                #expect(page.count <= 200)
                after = next
                if isOnePage { progress = ReadProgress(isOnePage: true) }
            }
            if after == nil, pages > 0 { return (tuples, expected, again, pages) }
        }
    }

    @Test("a long row is put in order once for all pages, as it was at the revision", arguments: [false, true])
    func longRow(byResource: Bool) throws {
        let read = try readLongRow(byResource: byResource, isOnePage: false)
        #expect(read.tuples == read.expected)
        // The order of entities and that of the row are made once.
        #expect(read.again <= 45, "\(read.again) steps without a page for \(read.pages) pages")
        #expect(read.pages <= 60, "\(read.pages)")
    }

    @Test("for one page a long row is looked through bit by bit", arguments: [false, true])
    func pageOfLongRow(byResource: Bool) throws {
        let read = try readLongRow(byResource: byResource, isOnePage: true)
        #expect(read.tuples == read.expected)
        // Each page looks at the whole row, a thousand entries in a step.
        #expect(read.again >= read.pages * 7, "\(read.again) steps without a page for \(read.pages) pages")
    }
}
