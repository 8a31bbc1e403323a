// Pemba: lookups, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// A relation or permission of a type.
public struct TypePermission: Hashable, Sendable, CustomStringConvertible {
    /// The definition's name.
    public var type: String
    /// The relation's or permission's name.
    public var permission: String

    /// Names a permission.
    public init(type: String, permission: String) {
        self.type = type
        self.permission = permission
    }

    /// `type#permission`.
    public var description: String { "\(type)#\(permission)" }
}

/// What an evaluation takes into account beside the stored tuples.
public struct EvaluationContext: Hashable, Sendable {
    /// Values for the parameters of caveats; those stored with a tuple win over them.
    ///
    /// Empty for none.
    public var values: ContextObject
    /// Tuples that count as if they were stored, for this request alone: at most `Limits.contextualTuples`.
    ///
    /// One takes the place of the stored tuple with the same key; of one that is listed twice the last counts.
    public var tuples: [RelationTuple]

    /// Makes a context.
    public init(values: ContextObject = .empty, tuples: [RelationTuple] = []) {
        self.values = values
        self.tuples = tuples
    }

    /// Nothing beside the stored tuples.
    public static let empty = EvaluationContext()

    /// Whether it adds nothing.
    public var isEmpty: Bool { values.isEmpty && tuples.isEmpty }
}

/// Asks for all resources on which a subject has a permission.
///
/// Answers come in the order of the permissions asked for, then of the resources' ids by bytes; none comes twice.
public struct LookupResourcesRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// The permissions, each with its type: 1 to `Limits.permissionsPerLookup`, none twice.
    public var permissions: [TypePermission]
    /// Whose resources; never a wildcard.
    public var subject: SubjectReference
    /// What counts beside the stored tuples.
    public var context: EvaluationContext
    /// Only resources with one of these ids, at most `Limits.lookupCandidates`; nil for all.
    public var candidates: [String]?
    /// Only resources whose ids start so; empty for all.
    public var idPrefix: String
    /// How many at most; nil for as many as a call can give (`Limits.lookupResults`).
    public var limit: Int?
    /// Where the call before this one ended; nil for the first.
    ///
    /// Its revision overrides `consistency`.
    public var cursor: LookupCursor?

    /// Asks for resources.
    public init(
        consistency: Consistency = .minimizeLatency,
        permissions: [TypePermission],
        subject: SubjectReference,
        context: EvaluationContext = .empty,
        candidates: [String]? = nil,
        idPrefix: String = "",
        limit: Int? = nil,
        cursor: LookupCursor? = nil
    ) {
        self.consistency = consistency
        self.permissions = permissions
        self.subject = subject
        self.context = context
        self.candidates = candidates
        self.idPrefix = idPrefix
        self.limit = limit
        self.cursor = cursor
    }
}

/// A resource that was found.
public struct FoundResource: Hashable, Sendable {
    /// Which of the permissions asked for: its place among them.
    public var permission: Int
    /// The resource's id.
    public var id: String
    /// Has or conditional, with what is missing.
    public var decision: Decision

    /// Makes a result.
    public init(permission: Int, id: String, decision: Decision) {
        self.permission = permission
        self.id = id
        self.decision = decision
    }
}

/// A kind of subject.
public struct SubjectKind: Hashable, Sendable, CustomStringConvertible {
    /// The definition's name.
    public var type: String
    /// The relation of usersets; nil for single objects.
    public var relation: String?

    /// Names a kind.
    public init(type: String, relation: String? = nil) {
        self.type = type
        self.relation = relation
    }

    /// `type` or `type#relation`.
    public var description: String { relation.map { "\(type)#\($0)" } ?? type }
}

/// Asks for all subjects that have a permission on a resource.
///
/// Answers come in the order of the permissions asked for, then of the kinds, then a wildcard, then the subjects' ids by
/// bytes; none comes twice. A subject that has the permission through a wildcard only is not listed by itself, and a
/// wildcard is given whatever ids the lookup is restricted to, since it may stand for them.
public struct LookupSubjectsRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// The resource.
    public var resource: ObjectReference
    /// The relations or permissions: 1 to `Limits.permissionsPerLookup`, none twice.
    public var permissions: [String]
    /// The kinds of subjects: 1 to `Limits.permissionsPerLookup`, none twice.
    public var kinds: [SubjectKind]
    /// What counts beside the stored tuples.
    public var context: EvaluationContext
    /// Only subjects with one of these ids, at most `Limits.lookupCandidates`; nil for all.
    public var candidates: [String]?
    /// Only subjects whose ids start so; empty for all.
    public var idPrefix: String
    /// How many at most; nil for as many as a call can give (`Limits.lookupResults`).
    public var limit: Int?
    /// Where the call before this one ended; nil for the first.
    ///
    /// Its revision overrides `consistency`.
    public var cursor: LookupCursor?

    /// Asks for subjects.
    public init(
        consistency: Consistency = .minimizeLatency,
        resource: ObjectReference,
        permissions: [String],
        kinds: [SubjectKind],
        context: EvaluationContext = .empty,
        candidates: [String]? = nil,
        idPrefix: String = "",
        limit: Int? = nil,
        cursor: LookupCursor? = nil
    ) {
        self.consistency = consistency
        self.resource = resource
        self.permissions = permissions
        self.kinds = kinds
        self.context = context
        self.candidates = candidates
        self.idPrefix = idPrefix
        self.limit = limit
        self.cursor = cursor
    }
}

/// A subject that was found.
public struct FoundSubject: Hashable, Sendable {
    /// Which of the permissions asked for: its place among them.
    public var permission: Int
    /// Which of the kinds asked for: its place among them.
    public var kind: Int
    /// The subject's id; `*` for all of the kind, but for those excluded.
    public var id: String
    /// Has or conditional, with what is missing.
    public var decision: Decision
    /// Of a wildcard, the subjects that it does not stand for, by id; conditional: perhaps not.
    public var excluded: [ExcludedSubject]

    /// Makes a result.
    public init(permission: Int, kind: Int, id: String, decision: Decision, excluded: [ExcludedSubject] = []) {
        self.permission = permission
        self.kind = kind
        self.id = id
        self.decision = decision
        self.excluded = excluded
    }
}

/// A subject that a wildcard does not stand for.
public struct ExcludedSubject: Hashable, Sendable {
    /// Its id.
    public var id: String
    /// Has: it is excluded; conditional: it is, if what is missing says so.
    public var decision: Decision

    /// Makes an exclusion.
    public init(id: String, decision: Decision) {
        self.id = id
        self.decision = decision
    }
}

/// Where a lookup ended; opaque to clients.
///
/// It continues the query that it came from and no other.
public struct LookupCursor: Hashable, Sendable {
    /// The revision of all calls of the query.
    public var zookie: Zookie
    /// The checksum of the query.
    public var queryChecksum: UInt32
    /// The place of the permission of the last result.
    public var permission: Int
    /// The place of the kind of the last result; 0 in a lookup of resources.
    public var kind: Int
    /// The id of the last result.
    public var id: String

    /// Makes a cursor.
    public init(zookie: Zookie, queryChecksum: UInt32, permission: Int, kind: Int, id: String) {
        self.zookie = zookie
        self.queryChecksum = queryChecksum
        self.permission = permission
        self.kind = kind
        self.id = id
    }
}

/// How a lookup ended.
public struct LookupEnd: Hashable, Sendable {
    /// The revision at which it was evaluated.
    public var zookie: Zookie
    /// Where to go on; nil if everything was given, so that the lookup is complete.
    public var next: LookupCursor?

    /// Makes an end.
    public init(zookie: Zookie, next: LookupCursor?) {
        self.zookie = zookie
        self.next = next
    }

    /// Whether everything was given.
    public var isComplete: Bool { next == nil }
}

/// Asks which of the permissions of a resource a subject has.
public struct PermissionsRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// The resource.
    public var resource: ObjectReference
    /// The subject; never a wildcard.
    public var subject: SubjectReference
    /// What counts beside the stored tuples.
    public var context: EvaluationContext

    /// Asks a question.
    public init(
        consistency: Consistency = .minimizeLatency,
        resource: ObjectReference,
        subject: SubjectReference,
        context: EvaluationContext = .empty
    ) {
        self.consistency = consistency
        self.resource = resource
        self.subject = subject
        self.context = context
    }
}

/// The relations and permissions of a resource with the answer to each.
public struct PermissionsAnswer: Hashable, Sendable {
    /// One relation or permission.
    public struct Entry: Hashable, Sendable {
        /// Its name.
        public var permission: String
        /// Whether it is a relation.
        public var isRelation: Bool
        /// The answer.
        public var decision: Decision

        /// Makes an entry.
        public init(permission: String, isRelation: Bool, decision: Decision) {
            self.permission = permission
            self.isRelation = isRelation
            self.decision = decision
        }
    }

    /// All relations and permissions of the type in the order of the schema.
    public var entries: [Entry]
    /// The revision at which they were evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(entries: [Entry], zookie: Zookie) {
        self.entries = entries
        self.zookie = zookie
    }
}
