// Pemba: checks, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Whether a subject has a permission.
public enum Permissionship: UInt8, Sendable {
    /// The subject does not have the permission.
    case noPermission = 0
    /// The subject has the permission.
    case hasPermission = 1
    /// It depends on context that was not given.
    case conditional = 2
}

/// One question: whether a subject has a relation or permission on a resource.
public struct CheckItem: Hashable, Sendable, CustomStringConvertible {
    /// The object in question.
    public var resource: ObjectReference
    /// The relation or permission in question.
    public var permission: String
    /// Who is asked about; never a wildcard.
    public var subject: SubjectReference
    /// Values for the parameters of caveats; those stored with a tuple win over them.
    ///
    /// Empty for none.
    public var context: ContextObject

    /// Asks a question.
    public init(
        resource: ObjectReference,
        permission: String,
        subject: SubjectReference,
        context: ContextObject = .empty
    ) {
        self.resource = resource
        self.permission = permission
        self.subject = subject
        self.context = context
    }

    /// The question as relationship text, with the context behind it if there is one.
    public var description: String {
        let question = "\(resource)#\(permission)@\(subject)"
        return context.isEmpty ? question : "\(question) with \(context.json)"
    }
}

/// The answer to one question.
public struct Decision: Hashable, Sendable {
    /// The answer.
    public var permissionship: Permissionship
    /// If it is conditional, the context that is missing, by name (`tier`, `request.region`), sorted; else empty.
    public var missingContext: [String]

    /// Makes an answer.
    public init(_ permissionship: Permissionship, missingContext: [String] = []) {
        self.permissionship = permissionship
        self.missingContext = missingContext
    }

    /// The subject has the permission.
    public static let has = Decision(.hasPermission)
    /// The subject does not have it.
    public static let hasNot = Decision(.noPermission)
}

/// The answer to one check and the revision at which it holds.
public struct CheckAnswer: Hashable, Sendable {
    /// The answer.
    public var decision: Decision
    /// The revision at which it was evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(_ decision: Decision, zookie: Zookie) {
        self.decision = decision
        self.zookie = zookie
    }

    /// Whether the subject has the permission.
    public var permissionship: Permissionship { decision.permissionship }
}

/// The answers to a bulk check: one per item in the items' order, all at one revision.
public struct BulkCheckAnswer: Sendable {
    /// The answer or the error of each item.
    public var results: [Result<Decision, ServiceError>]
    /// The revision at which all were evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(results: [Result<Decision, ServiceError>], zookie: Zookie) {
        self.results = results
        self.zookie = zookie
    }
}
