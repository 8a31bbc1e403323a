// Pemba: which tuples are meant.
// SPDX-License-Identifier: Apache-2.0

/// Which tuples a read or a precondition means: those that agree with every field that is set.
public struct RelationshipFilter: Hashable, Sendable, CustomStringConvertible {
    /// Which subject relation is meant.
    public enum SubjectRelation: Hashable, Sendable {
        /// Any subject relation, or none.
        case any
        /// Only subjects without a relation.
        case none
        /// Only usersets of this relation.
        case named(String)
    }

    /// The resource's type.
    public var resourceType: String?
    /// The resource's id; excludes `resourceIDPrefix`.
    public var resourceID: String?
    /// How the resource's id starts; excludes `resourceID`.
    public var resourceIDPrefix: String?
    /// The relation's name.
    public var relation: String?
    /// The subject's type.
    public var subjectType: String?
    /// The subject's id.
    public var subjectID: String?
    /// The subject's relation.
    public var subjectRelation: SubjectRelation

    /// Makes a filter; what is not given is not compared.
    public init(
        resourceType: String? = nil,
        resourceID: String? = nil,
        resourceIDPrefix: String? = nil,
        relation: String? = nil,
        subjectType: String? = nil,
        subjectID: String? = nil,
        subjectRelation: SubjectRelation = .any
    ) {
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.resourceIDPrefix = resourceIDPrefix
        self.relation = relation
        self.subjectType = subjectType
        self.subjectID = subjectID
        self.subjectRelation = subjectRelation
    }

    /// Whether no field is set: such a filter means every tuple and is refused where that would be a mistake.
    public var isEmpty: Bool { self == RelationshipFilter() }

    /// Whether `tuple` agrees with every field that is set.
    public func matches(_ tuple: RelationTuple) -> Bool {
        if let resourceType, !resourceType.hasSameBytes(as: tuple.resource.type) { return false }
        if let resourceID, !resourceID.hasSameBytes(as: tuple.resource.id) { return false }
        if let resourceIDPrefix, !tuple.resource.id.utf8.starts(with: resourceIDPrefix.utf8) { return false }
        if let relation, !relation.hasSameBytes(as: tuple.relation) { return false }
        if let subjectType, !subjectType.hasSameBytes(as: tuple.subject.object.type) { return false }
        if let subjectID, !subjectID.hasSameBytes(as: tuple.subject.object.id) { return false }
        switch subjectRelation {
        case .any: return true
        case .none: return tuple.subject.relation == nil
        case .named(let name): return tuple.subject.relation?.hasSameBytes(as: name) ?? false
        }
    }

    /// `type:id#relation@type:id#relation` without what is not set, as `clusterctl` reads it; with `prefix…` for a prefix,
    /// and `_` for a type that is missing before something else.
    public var description: String {
        // Without a relation nothing but quotes tells an `@` of the id from the one before the subject.
        let id = resourceID.map { QuotedID.text(of: $0, quoting: relation == nil ? "@" : nil) }
        var text = RelationshipFilter.text(resourceType, id ?? resourceIDPrefix.map { "\($0)…" }) ?? ""
        if let relation { text += "#\(relation)" }
        let subject = RelationshipFilter.text(subjectType, subjectID.map { QuotedID.text(of: $0) })
        switch subjectRelation {
        case .any: text += subject.map { "@\($0)" } ?? ""
        case .none: text += "@\(subject ?? "_")#..."
        case .named(let name): text += "@\(subject ?? "_")#\(name)"
        }
        return text.isEmpty ? "_" : text
    }

    private static func text(_ type: String?, _ id: String?) -> String? {
        id.map { "\(type ?? "_"):\($0)" } ?? type
    }
}
