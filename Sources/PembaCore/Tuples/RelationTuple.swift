// Pemba: relation tuples as people and programs write them.
// SPDX-License-Identifier: Apache-2.0

/// An object: a definition's name and an id of 1 to 1,024 bytes of UTF-8 without control characters.
public struct ObjectReference: Hashable, Sendable, CustomStringConvertible {
    /// The definition's name.
    public var type: String
    /// The object's id within its type; `*` only as a wildcard subject.
    public var id: String

    /// Names an object.
    public init(type: String, id: String) {
        self.type = type
        self.id = id
    }

    /// `type:id`, or `type:"id"` where the id holds what marks the parts of relationship text.
    public var description: String { "\(type):\(QuotedID.text(of: id))" }

    /// Equality of bytes. (`String` compares by canonical equivalence, which would make one id of two.)
    public static func == (left: ObjectReference, right: ObjectReference) -> Bool {
        left.id.hasSameBytes(as: right.id) && left.type.hasSameBytes(as: right.type)
    }

    /// Hashes the bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        type.hashBytes(into: &hasher)
        id.hashBytes(into: &hasher)
    }
}

/// A subject: an object, all objects of a type (`user:*`), or a userset (`group:eng#member`).
public struct SubjectReference: Hashable, Sendable, CustomStringConvertible {
    /// The object, or the object whose relation is meant.
    public var object: ObjectReference
    /// The relation of a userset; nil for the object itself (SpiceDB's `...`).
    public var relation: String?

    /// Names a subject.
    public init(object: ObjectReference, relation: String? = nil) {
        self.object = object
        self.relation = relation
    }

    /// Names a subject by its parts.
    public init(type: String, id: String, relation: String? = nil) {
        self.init(object: ObjectReference(type: type, id: id), relation: relation)
    }

    /// The id that stands for all objects of a type.
    public static let wildcardID = "*"

    /// Whether this is all objects of a type.
    public var isWildcard: Bool { object.id == SubjectReference.wildcardID }

    /// `type:id` or `type:id#relation`.
    public var description: String { relation.map { "\(object)#\($0)" } ?? object.description }

    /// Equality of bytes.
    public static func == (left: SubjectReference, right: SubjectReference) -> Bool {
        guard left.object == right.object else { return false }
        switch (left.relation, right.relation) {
        case (nil, nil): return true
        case (let left?, let right?): return left.hasSameBytes(as: right)
        default: return false
        }
    }

    /// Hashes the bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        object.hash(into: &hasher)
        (relation ?? "").hashBytes(into: &hasher)
    }
}

/// A relation tuple: the subject has the relation to the resource (Zanzibar paper, section 2.1), perhaps under a
/// condition, until a time, or from a time on.
public struct RelationTuple: Hashable, Sendable, CustomStringConvertible {
    /// The object that the relation is on.
    public var resource: ObjectReference
    /// The relation's name.
    public var relation: String
    /// Who has the relation.
    public var subject: SubjectReference
    /// The caveat under which alone the tuple counts; nil for none.
    public var caveat: CaveatReference?
    /// When the tuple stops to count, by the log's time; nil for never.
    public var expiresAt: Timestamp?
    /// When the tuple begins to count, by the log's time; nil for at once.
    public var notBefore: Timestamp?

    /// Makes a tuple.
    public init(
        resource: ObjectReference,
        relation: String,
        subject: SubjectReference,
        caveat: CaveatReference? = nil,
        expiresAt: Timestamp? = nil,
        notBefore: Timestamp? = nil
    ) {
        self.resource = resource
        self.relation = relation
        self.subject = subject
        self.caveat = caveat
        self.expiresAt = expiresAt
        self.notBefore = notBefore
    }

    /// Whether it counts for ever and without a condition.
    public var isPlain: Bool { caveat == nil && expiresAt == nil && notBefore == nil }

    /// The tuple without caveat and times: what a store holds at most once.
    public var key: RelationTuple { RelationTuple(resource: resource, relation: relation, subject: subject) }

    /// `type:id#relation@type:id`, with `#relation`, `[caveat:{…}]`, `[expiration:…]` and `[not_before:…]` where there
    /// are such.
    public var description: String {
        var text = "\(resource)#\(relation)@\(subject)"
        guard !isPlain else { return text }
        if let caveat { text += "[\(caveat)]" }
        if let expiresAt { text += "[\(TupleText.expiration):\(expiresAt.rfc3339)]" }
        if let notBefore { text += "[\(TupleText.notBefore):\(notBefore.rfc3339)]" }
        return text
    }

    /// Equality of bytes.
    public static func == (left: RelationTuple, right: RelationTuple) -> Bool {
        left.resource == right.resource && left.relation.hasSameBytes(as: right.relation)
            && left.subject == right.subject && left.caveat == right.caveat && left.expiresAt == right.expiresAt
            && left.notBefore == right.notBefore
    }

    /// Hashes the bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        resource.hash(into: &hasher)
        relation.hashBytes(into: &hasher)
        subject.hash(into: &hasher)
        guard !isPlain else { return }
        caveat.hash(into: &hasher)
        expiresAt.hash(into: &hasher)
        notBefore.hash(into: &hasher)
    }

    /// Whether it comes before another one in the order of reads: resource type, resource id, relation, subject type,
    /// subject id, subject relation, each by bytes.
    public func precedesInReads(_ other: RelationTuple) -> Bool {
        let pairs = [
            (resource.type, other.resource.type), (resource.id, other.resource.id), (relation, other.relation),
            (subject.object.type, other.subject.object.type), (subject.object.id, other.subject.object.id),
            (subject.relation ?? "", other.subject.relation ?? ""),
        ]
        for (left, right) in pairs where !left.hasSameBytes(as: right) { return left.precedesByBytes(right) }
        return false
    }
}
