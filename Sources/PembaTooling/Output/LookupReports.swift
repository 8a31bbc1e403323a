// Pemba: lists for people and for programs.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// One line of `lookup resources`.
package struct FoundResourceReport: Encodable {
    private let resourceType: String
    private let resourceID: String
    private let permission: String
    private let permissionship: String
    private let missingContext: [String]?

    package init(_ found: FoundResource, of permissions: [TypePermission]) {
        let asked = permissions[found.permission]
        resourceType = asked.type
        resourceID = found.id
        permission = asked.permission
        permissionship = found.decision.permissionship.word
        missingContext = found.decision.missingIfAny
    }

    /// One line for people; names the permission only if several were asked for.
    package func text(namesPermission: Bool) -> String {
        var line = ObjectReference(type: resourceType, id: resourceID).description
        if namesPermission { line += "#\(permission)" }
        if let missingContext { line += "  conditional, needs \(missingContext.joined(separator: ", "))" }
        return line + "\n"
    }
}

/// One line of `lookup subjects`.
package struct FoundSubjectReport: Encodable {
    private struct Exclusion: Encodable {
        let subjectID: String
        let permissionship: String
        let missingContext: [String]?
    }

    private let subjectType: String
    private let subjectID: String
    private let subjectRelation: String?
    private let permission: String
    private let permissionship: String
    private let missingContext: [String]?
    private let excluded: [Exclusion]?

    package init(_ found: FoundSubject, of permissions: [String], kinds: [SubjectKind]) {
        let kind = kinds[found.kind]
        subjectType = kind.type
        subjectID = found.id
        subjectRelation = kind.relation
        permission = permissions[found.permission]
        permissionship = found.decision.permissionship.word
        missingContext = found.decision.missingIfAny
        let exclusions = found.excluded.map {
            Exclusion(
                subjectID: $0.id,
                permissionship: $0.decision.permissionship.word,
                missingContext: $0.decision.missingIfAny
            )
        }
        excluded = exclusions.isEmpty ? nil : exclusions
    }

    /// One line for people; names the permission only if several were asked for.
    package func text(namesPermission: Bool) -> String {
        var line = namesPermission ? "\(permission)  " : ""
        line += SubjectReference(type: subjectType, id: subjectID, relation: subjectRelation).description
        if let missingContext { line += "  conditional, needs \(missingContext.joined(separator: ", "))" }
        if let excluded {
            let names = excluded.map { exclusion in
                let needs = exclusion.missingContext.map { " (needs \($0.joined(separator: ", ")))" } ?? ""
                return "\(ObjectReference(type: subjectType, id: exclusion.subjectID))\(needs)"
            }
            line += "  without \(names.joined(separator: ", "))"
        }
        return line + "\n"
    }
}

/// The last line of a lookup: whether everything was given, and if not, where to go on.
package struct LookupEndReport: Encodable {
    private let complete: Bool
    private let count: Int
    private let revision: UInt64
    private let zookie: String
    private let cursor: String?

    package init(count: Int, end: LookupEnd, cursor: String?) {
        complete = end.isComplete
        self.count = count
        revision = end.zookie.revision.rawValue
        zookie = end.zookie.description
        self.cursor = cursor
    }

    /// One line for people.
    package var text: String {
        guard let cursor else { return "\(count) found, complete (revision \(revision))\n" }
        return "\(count) found, more may follow (revision \(revision)); go on with --cursor \(cursor)\n"
    }
}

/// The answer of `permissions`.
package struct PermissionsReport: Encodable {
    private struct Row: Encodable {
        let permission: String
        let isRelation: Bool
        let permissionship: String
        let missingContext: [String]?
    }

    private let resource: String
    private let subject: String
    private let permissions: [Row]
    private let revision: UInt64
    private let zookie: String

    package init(resource: ObjectReference, subject: SubjectReference, answer: PermissionsAnswer) {
        self.resource = resource.description
        self.subject = subject.description
        permissions = answer.entries.map { entry in
            Row(
                permission: entry.permission,
                isRelation: entry.isRelation,
                permissionship: entry.decision.permissionship.word,
                missingContext: entry.decision.missingIfAny
            )
        }
        revision = answer.zookie.revision.rawValue
        zookie = answer.zookie.description
    }

    /// A table for people.
    package var text: String {
        var table = Table([("PERMISSION", .left), ("KIND", .left), ("ANSWER", .left)])
        for row in permissions {
            let needs = row.missingContext.map { ", needs \($0.joined(separator: ", "))" } ?? ""
            table.add([row.permission, row.isRelation ? "relation" : "permission", row.permissionship + needs])
        }
        return table.text + "(revision \(revision))\n"
    }
}
