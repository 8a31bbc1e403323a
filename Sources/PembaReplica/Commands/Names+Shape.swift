// Pemba: names, ids and contexts that no command may have.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService

extension RelationTuple {
    /// Refuses names, ids and contexts that are empty, too long or malformed, of the tuple that has `position` others
    /// before it.
    func checkShape(at position: Int) throws(ServiceError) {
        do throws(ServiceError) { try checkShape() } catch { throw error.at(position) }
    }

    /// Refuses names, ids and contexts that are empty, too long or malformed; whether they are known is the schema's
    /// question.
    func checkShape() throws(ServiceError) {
        try checkName(resource.type, Limits.definitionNameBytes, of: "resource type")
        try checkName(relation, Limits.relationNameBytes, of: "relation")
        try checkName(subject.object.type, Limits.definitionNameBytes, of: "subject type")
        if let name = subject.relation { try checkName(name, Limits.relationNameBytes, of: "subject relation") }
        try checkID(resource.id)
        try checkID(subject.object.id)
        guard !resource.id.hasSameBytes(as: SubjectReference.wildcardID) else {
            throw ServiceError(
                .invalidArgument,
                "`*` stands for all subjects of a type; a resource is one object; in `\(key.description.abbreviated())`"
            )
        }
        guard let caveat else { return }
        try checkName(caveat.name, Limits.caveatNameBytes, of: "caveat")
        try caveat.context.checkShape(
            limit: Limits.storedContextBytes,
            of: "the context of `\(key.description.abbreviated())`"
        )
    }

    private func checkID(_ id: String) throws(ServiceError) {
        guard let problem = ObjectReference.problem(ofID: id) else { return }
        throw ServiceError(.invalidArgument, "\(problem); in `\(key.description.abbreviated())`")
    }
}

extension RelationshipFilter {
    /// Refuses a filter that means everything, contradicts itself, or has names that are empty or too long.
    ///
    /// - Parameters:
    ///   - owner: for people.
    ///   - field: which field of the request it is, for programs.
    func checkShape(of owner: String, field: @autoclosure () -> String) throws(ServiceError) {
        guard !isEmpty else {
            throw ServiceError(
                .invalidArgument,
                "the filter of \(owner) is empty; it must name what it means",
                details: [.init("field", field())]
            )
        }
        guard resourceID == nil || resourceIDPrefix == nil else { throw ServiceError(GraphError.invalidFilter(self)) }
        if let name = resourceType { try checkName(name, Limits.definitionNameBytes, of: "resource type") }
        if let name = relation { try checkName(name, Limits.relationNameBytes, of: "relation") }
        if let name = subjectType { try checkName(name, Limits.definitionNameBytes, of: "subject type") }
        if case .named(let name) = subjectRelation {
            try checkName(name, Limits.relationNameBytes, of: "subject relation")
        }
        try checkID(resourceID, owner)
        try checkID(resourceIDPrefix, owner)
        try checkID(subjectID, owner)
    }

    private func checkID(_ id: String?, _ owner: String) throws(ServiceError) {
        guard let id, let problem = ObjectReference.problem(ofID: id) else { return }
        throw ServiceError(.invalidArgument, "\(problem); in the filter of \(owner)")
    }
}

extension ContextObject {
    /// Refuses an object that the log could not give back: too long or too deep.
    func checkShape(limit: Int, of owner: @autoclosure () -> String) throws(ServiceError) {
        guard !isEmpty else { return }
        guard ContextValue.object(self).fits(levels: Limits.contextDepth) else {
            throw ServiceError(
                .invalidContext,
                "\(owner()) has lists and objects more than \(Limits.contextDepth) deep in each other"
            )
        }
        let count = json.utf8.count
        guard count <= limit else {
            throw ServiceError(.invalidContext, "\(owner()) has at most \(limit) bytes of JSON, this one has \(count)")
        }
    }
}

extension ContextValue {
    /// Whether lists and objects stand at most `levels` deep in each other.
    fileprivate func fits(levels: Int) -> Bool {
        switch self {
        case .null, .bool, .int, .double, .string: true
        case .list(let values): levels > 0 && values.allSatisfy { $0.fits(levels: levels - 1) }
        case .object(let object): levels > 0 && object.entries.allSatisfy { $0.value.fits(levels: levels - 1) }
        }
    }
}

/// Refuses a name that is empty or too long; whether it is known is the schema's question.
private func checkName(_ name: String, _ limit: Int, of field: String) throws(ServiceError) {
    guard !name.isEmpty else { throw ServiceError(.invalidArgument, "the \(field) is empty") }
    guard name.utf8.count <= limit else {
        throw ServiceError(.limitExceeded, "a \(field) has at most \(limit) bytes, this one has \(name.utf8.count)")
    }
}
