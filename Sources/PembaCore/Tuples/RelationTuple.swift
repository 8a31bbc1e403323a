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

    /// `type:id`.
    public var description: String { "\(type):\(id)" }

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

/// A relation tuple: the subject has the relation to the resource (Zanzibar paper, section 2.1).
public struct RelationTuple: Hashable, Sendable, CustomStringConvertible {
    /// The object that the relation is on.
    public var resource: ObjectReference
    /// The relation's name.
    public var relation: String
    /// Who has the relation.
    public var subject: SubjectReference

    /// Makes a tuple.
    public init(resource: ObjectReference, relation: String, subject: SubjectReference) {
        self.resource = resource
        self.relation = relation
        self.subject = subject
    }

    /// `type:id#relation@type:id` or `type:id#relation@type:id#relation`.
    public var description: String { "\(resource)#\(relation)@\(subject)" }

    /// Equality of bytes.
    public static func == (left: RelationTuple, right: RelationTuple) -> Bool {
        left.resource == right.resource && left.relation.hasSameBytes(as: right.relation)
            && left.subject == right.subject
    }

    /// Hashes the bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        resource.hash(into: &hasher)
        relation.hashBytes(into: &hasher)
        subject.hash(into: &hasher)
    }
}
