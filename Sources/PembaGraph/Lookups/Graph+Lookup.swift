// Pemba: what lookups have in common, and lookups at once.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema
package import PembaService

/// The rules that requests of lookups keep.
enum LookupRules {
    static func check<Permission: Hashable>(
        permissions: [Permission],
        candidates: [String]?,
        limit: Int?,
        cursor: LookupCursor?
    ) throws(GraphError) {
        try check("permissions", permissions)
        if let candidates, candidates.count > Limits.lookupCandidates {
            throw .invalidArgument(
                "a lookup takes at most \(Limits.lookupCandidates) candidates, not \(candidates.count): ask in several"
            )
        }
        if let limit, limit < 1 { throw .invalidArgument("a lookup asks for at least one result, not \(limit)") }
        if let cursor, !permissions.indices.contains(cursor.permission) {
            throw .invalidArgument("the cursor belongs to another lookup: it names a permission that was not asked for")
        }
    }

    /// Checks that there are neither too few nor too many of something, and none twice.
    static func check<Item: Hashable>(_ what: String, _ items: [Item]) throws(GraphError) {
        guard (1...Limits.permissionsPerLookup).contains(items.count) else {
            throw .invalidArgument(
                "a lookup asks about 1 to \(Limits.permissionsPerLookup) \(what), not \(items.count)"
            )
        }
        guard Set(items).count == items.count else {
            throw .invalidArgument("a lookup names each of its \(what) once")
        }
    }

    /// How many results a call gives.
    static func limit(_ asked: Int?) -> Int { min(asked ?? Limits.lookupResults, Limits.lookupResults) }
}

extension Graph {
    /// The node of a relation or permission by names.
    func node(_ type: String, _ permission: String, in basis: Basis) throws(GraphError) -> UInt32 {
        let number = try self.type(type, in: basis)
        let relation = basis.linked.names.find(permission, scope: number)
        guard relation != 0 else { throw .unknownRelation(definition: type, relation: permission) }
        return basis.linked.node(type: number, relation: relation)
    }

    /// The number of a type by its name.
    func type(_ name: String, in basis: Basis) throws(GraphError) -> UInt32 {
        guard basis.hot.pointee.hasSchema else { throw .noSchema }
        let number = basis.linked.names.find(name, scope: 0)
        guard number != 0 else { throw .unknownDefinition(name) }
        return number
    }

    /// A question about a subject, whose resource is still open; a subject without tuples is the unknown resource.
    func question(about subject: SubjectReference, in basis: Basis) throws(GraphError) -> ResolvedCheck {
        let type = try self.type(subject.object.type, in: basis)
        var question = try kind(type, subject.relation, of: subject.object.type, in: basis)
        try Graph.validate(id: subject.object.id, role: "subject")
        question.subject = object(type, subject.object.id)
        return question
    }

    /// A question about a subject of a kind, whose resource and subject are still open.
    func kind(
        _ type: UInt32,
        _ relation: String?,
        of name: String,
        in basis: Basis
    ) throws(GraphError) -> ResolvedCheck {
        var question = ResolvedCheck(
            resource: EntityNumber.none,
            node: 0,
            subject: EntityNumber.none,
            subjectNode: ResolvedCheck.noNode,
            subjectType: type,
            subjectRelation: 0
        )
        if let relation {
            question.subjectNode = try node(name, relation, in: basis)
            question.subjectRelation = basis.linked.nodes[Int(question.subjectNode)].number
        }
        return question
    }

    /// The number of an object; without tuples it is the unknown resource.
    func object(_ type: UInt32, _ id: String) -> UInt32 {
        var copy = id
        let entity = copy.withUTF8 { entities.find(type: type, id: UnsafeRawBufferPointer($0)) }
        return entity == EntityNumber.none ? EntityNumber.unknownResource : entity
    }

    /// Checks an id that a lookup asks about.
    static func validate(id: String, role: String) throws(GraphError) {
        if id.hasSameBytes(as: SubjectReference.wildcardID) { throw .notOneObject(field: role, of: "lookup") }
        if let problem = ObjectReference.problem(ofID: id) {
            throw .invalidArgument("the \(role) of a lookup: \(problem)")
        }
    }

    // MARK: At once

    /// Finds resources at once, in the present state unless another is given: for tools and tests.
    package func lookupResources(
        _ request: LookupResourcesRequest,
        in basis: Basis? = nil
    ) throws(GraphError) -> [FoundResource] {
        let lookup = try ResourceLookup(graph: self, basis: basis ?? present, request: request)
        while try !lookup.run() {}
        var found: [FoundResource] = []
        found.reserveCapacity(lookup.resultCount)
        _ = lookup.nextBatch(.max) { permission, id, decision in
            let id = String(decoding: id, as: UTF8.self)
            found.append(FoundResource(permission: permission, id: id, decision: decision))
        }
        return found
    }

    /// Finds subjects at once, in the present state unless another is given: for tools and tests.
    package func lookupSubjects(
        _ request: LookupSubjectsRequest,
        in basis: Basis? = nil
    ) throws(GraphError) -> [FoundSubject] {
        let lookup = try SubjectLookup(graph: self, basis: basis ?? present, request: request)
        while try !lookup.run() {}
        var found: [FoundSubject] = []
        found.reserveCapacity(lookup.resultCount)
        _ = lookup.nextBatch(.max) { found.append($0) }
        return found
    }

    /// Finds out what a subject has on a resource at once, in the present state unless another is given: for tools and
    /// tests.
    package func permissions(
        _ request: PermissionsRequest,
        in basis: Basis? = nil
    ) throws(GraphError) -> [PermissionsAnswer.Entry] {
        let listing = try PermissionListing(graph: self, basis: basis ?? present, request: request)
        while try !listing.run() {}
        return listing.entries
    }
}
