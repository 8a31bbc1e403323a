// Pemba: the subjects that a validation file expects.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import PembaCore
import PembaService

/// One entry of a validation file's `validation`: all subjects that have a relation or permission of an object.
package struct ExpectedRelations: Equatable, Sendable {
    /// The object.
    package let resource: ObjectReference
    /// The relation or permission.
    package let permission: String
    /// The subjects, in the file's order.
    package let subjects: [ExpectedSubject]

    /// Reads the entry `key` with its lines.
    package init(key: String, lines: [String]) throws(ToolError) {
        (resource, permission) = try ToolText.objectPermission(key)
        subjects = try lines.map(ExpectedSubject.init(parsing:))
    }
}

/// One line of such an entry: `[user:x] is <document:1#viewer>/<document:1#owner>`, `[user:x[...]]` where a caveat stands
/// between, and `[user:* - {user:a, user:b[...]}]` or `[user:*] - {…}` for a wildcard with exclusions.
package struct ExpectedSubject: Equatable, Sendable {
    /// The subject; possibly a wildcard.
    package var subject: SubjectReference
    /// Whether it has the permission under a caveat only.
    package var isCaveated: Bool
    /// Of a wildcard, the subjects that it does not stand for, each with whether that depends on a caveat.
    package var excluded: [Exclusion]
    /// The relations whose tuples name it, as `type:id#relation`, sorted; empty if the line does not say.
    package var relations: [String]

    /// A subject that a wildcard does not stand for.
    package struct Exclusion: Equatable, Hashable, Sendable {
        /// The subject.
        package var subject: SubjectReference
        /// Whether it is excluded under a caveat only.
        package var isCaveated: Bool

        package init(subject: SubjectReference, isCaveated: Bool) {
            self.subject = subject
            self.isCaveated = isCaveated
        }
    }

    package init(
        subject: SubjectReference,
        isCaveated: Bool = false,
        excluded: [Exclusion] = [],
        relations: [String] = []
    ) {
        self.subject = subject
        self.isCaveated = isCaveated
        self.excluded = excluded
        self.relations = relations
    }

    private static let caveatMark = "[...]"
    private static let isMark = " is "
    private static let form = "a line is written `[type:id] is <type:id#relation>`"

    /// Reads a line.
    package init(parsing line: String) throws(ToolError) {
        let halves = ExpectedSubject.halves(of: line.trimmingCharacters(in: .whitespaces))
        var relations: [String] = []
        if let right = halves.relations {
            for part in right.parts(at: ">/<") {
                let relation = part.trimmingCharacters(in: CharacterSet(charactersIn: "<> "))
                let (object, name) = try ToolText.objectPermission(relation)
                relations.append("\(object)#\(name)")
            }
        }
        let (subject, exclusions) = try ExpectedSubject.subjectParts(of: halves.subject, line: line)
        (self.subject, isCaveated) = try ExpectedSubject.marked(subject)
        excluded = []
        for exclusion in exclusions {
            let (subject, isCaveated) = try ExpectedSubject.marked(exclusion)
            excluded.append(Exclusion(subject: subject, isCaveated: isCaveated))
        }
        self.relations = relations.sorted()
    }

    private static func halves(of line: String) -> (subject: Substring, relations: Substring?) {
        let parts = line[...].parts(at: isMark)
        guard parts.count > 1, let last = parts.last else { return (line[...], nil) }
        return (line[..<parts[parts.count - 2].endIndex], last)
    }

    /// The subject's text without its brackets, and the texts of those that are excluded.
    private static func subjectParts(of text: Substring, line: String) throws(ToolError) -> (String, [String]) {
        var subject = String(text)
        var exclusions: [String] = []
        if let open = text.firstMark("{") {
            let rest = text[open.upperBound...]
            guard let close = rest.firstMark("}") else { throw ToolError("`\(line)`: \(form)") }
            let list = rest[..<close.lowerBound].parts(at: ",")
            exclusions = list.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            let before = text[..<open.lowerBound].trimmingCharacters(in: .whitespaces)
            let wildcard = before.hasSuffix("-") ? String(before.dropLast()) : before
            subject = wildcard.trimmingCharacters(in: .whitespaces) + String(rest[close.upperBound...])
            subject = subject.trimmingCharacters(in: .whitespaces)
        }
        guard subject.hasPrefix("["), subject.hasSuffix("]"), subject.count > 2 else {
            throw ToolError("`\(line)`: \(form)")
        }
        return (String(subject.dropFirst().dropLast()).trimmingCharacters(in: .whitespaces), exclusions)
    }

    private static func marked(_ text: String) throws(ToolError) -> (SubjectReference, Bool) {
        let isCaveated = text.hasSuffix(caveatMark)
        let bare = isCaveated ? String(text.dropLast(caveatMark.count)) : text
        do {
            return (try SubjectReference(parsing: bare), isCaveated)
        } catch {
            throw ToolError("`\(bare)` is not a subject: \(error.reason)")
        }
    }

    /// The line.
    package var text: String {
        func mark(_ isCaveated: Bool) -> String { isCaveated ? ExpectedSubject.caveatMark : "" }
        var text = "[\(subject)\(mark(isCaveated))]"
        if !excluded.isEmpty {
            text += " - {\(excluded.map { "\($0.subject)\(mark($0.isCaveated))" }.joined(separator: ", "))}"
        }
        if !relations.isEmpty { text += " is " + relations.map { "<\($0)>" }.joined(separator: "/") }
        return text
    }
}
