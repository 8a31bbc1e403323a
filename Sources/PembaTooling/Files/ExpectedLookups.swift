// Pemba: the lookups and the missing context that stand beside a validation file.
// SPDX-License-Identifier: Apache-2.0

import Foundation
package import PembaCore
package import PembaService

/// One lookup and all that it has to give.
package struct ExpectedLookup: Equatable, Sendable {
    /// What is looked up.
    package enum Question: Equatable, Sendable {
        /// The resources on which the subject has the permission.
        case resources(TypePermission, subject: SubjectReference)
        /// The subjects of the kind that have the permission on the resource.
        case subjects(ObjectReference, permission: String, kind: SubjectKind)
    }

    /// What is looked up.
    package let question: Question
    /// Values for the parameters of caveats.
    package let context: ContextObject
    /// The ids of what has it, `*` for a wildcard.
    package let has: Set<String>
    /// The ids of what has it if context that was not given says so.
    package let conditional: Set<String>
    /// Of a wildcard, the ids of those it does not stand for, with `conditional` for those it perhaps does.
    package let excluded: [String: Permissionship]
    /// The ids about which the author's lookup and check did not agree: there the check counts.
    package let disputed: Set<String>

    /// The lookup in words.
    package var text: String {
        let context = context.isEmpty ? "" : " with \(context.json)"
        return switch question {
        case .resources(let permission, let subject): "lookup of \(permission) for \(subject)\(context)"
        case .subjects(let resource, let permission, let kind):
            "lookup of \(kind) on \(resource)#\(permission)\(context)"
        }
    }

    /// The check that says whether an item belongs among the results.
    func check(of id: String) -> CheckItem {
        switch question {
        case .resources(let permission, let subject):
            return CheckItem(
                resource: ObjectReference(type: permission.type, id: id),
                permission: permission.permission,
                subject: subject,
                context: context
            )
        case .subjects(let resource, let permission, let kind):
            let subject = SubjectReference(type: kind.type, id: id, relation: kind.relation)
            return CheckItem(resource: resource, permission: permission, subject: subject, context: context)
        }
    }
}

/// What the file `NAME.lookups.json` beside a validation file `NAME.yaml` says: `lookup_resources` (`resource_type`,
/// `permission`, `subject`, `context`, and the ids that `has` and `conditional` list), `lookup_subjects` (`resource`,
/// `permission`, `subject_type`, `context`, `has`, `conditional`, and `excluded_from_wildcard` with `has` or
/// `conditional` by id), and `missing_context` with the fields that a conditional check lacks, by its text.
///
/// `contradictions` lists lookups that name items (`differs_from_check`) of which the author's own check said something
/// else. `seed` and `errors`, which must be empty, are the author's notes.
package struct ExpectedLookups: Equatable, Sendable {
    /// The lookups, those of resources first, in the file's order.
    package let lookups: [ExpectedLookup]
    /// The fields that conditional checks lack, each once.
    package let missingContext: [CheckItem: Set<String>]

    private static let knownKeys = [
        "lookup_resources", "lookup_subjects", "missing_context", "contradictions", "errors", "seed",
    ]
    private static let suffix = ".lookups.json"

    /// Reads what stands beside the validation file at `path`; nil if nothing does.
    package init?(besideFile path: String) throws(ToolError) {
        guard path != "-" else { return nil }
        let file = URL(fileURLWithPath: path).deletingPathExtension().path + ExpectedLookups.suffix
        guard TextFile.exists(file) else { return nil }
        try self.init(text: TextFile.read(file), name: file)
    }

    /// Reads the text of a file called `name`.
    package init(text: String, name: String) throws(ToolError) {
        let root: ContextObject
        do {
            root = try ContextObject(parsing: text, bytesMax: TextFile.bytesMax)
        } catch {
            throw ToolError("\(name) is not a JSON object: at byte \(error.offset), \(error.reason)")
        }
        for entry in root.entries where !ExpectedLookups.knownKeys.contains(entry.key) {
            let keys = ExpectedLookups.knownKeys.joined(separator: ", ")
            throw ToolError("\(name): unknown key `\(entry.key)`; the keys are \(keys)")
        }
        let part = LookupFilePart(object: root, place: name)
        guard try part.list("errors").isEmpty else {
            throw ToolError("\(name): `errors` lists what its author could not ask")
        }
        let disputes = try part.parts("contradictions")
        var lookups: [ExpectedLookup] = []
        for entry in try part.parts("lookup_resources") { lookups.append(try entry.resourceLookup(disputes)) }
        for entry in try part.parts("lookup_subjects") { lookups.append(try entry.subjectLookup(disputes)) }
        self.lookups = lookups
        missingContext = try part.missingContext()
    }
}

/// A JSON object of such a file, with its place for messages.
private struct LookupFilePart {
    let object: ContextObject
    let place: String

    private func wrong(_ key: String, _ form: String) -> ToolError { ToolError("\(place): `\(key)` is \(form)") }

    func text(_ key: String) throws(ToolError) -> String {
        guard case .string(let text)? = object[key] else { throw wrong(key, "a text that has to be there") }
        return text
    }

    func list(_ key: String) throws(ToolError) -> [ContextValue] {
        switch object[key] {
        case .list(let values)?: return values
        case nil: return []
        default: throw wrong(key, "a list")
        }
    }

    func texts(_ key: String) throws(ToolError) -> [String] {
        var texts: [String] = []
        for value in try list(key) {
            guard case .string(let text) = value else { throw wrong(key, "a list of texts") }
            texts.append(text)
        }
        return texts
    }

    func member(_ key: String) throws(ToolError) -> ContextObject {
        switch object[key] {
        case .object(let member)?: return member
        case nil: return .empty
        default: throw wrong(key, "an object")
        }
    }

    func parts(_ key: String) throws(ToolError) -> [LookupFilePart] {
        var parts: [LookupFilePart] = []
        for (number, value) in try list(key).enumerated() {
            guard case .object(let object) = value else { throw wrong(key, "a list of objects") }
            parts.append(LookupFilePart(object: object, place: "\(place): item \(number + 1) of `\(key)`"))
        }
        return parts
    }

    // MARK: - Lookups

    func resourceLookup(_ disputes: [LookupFilePart]) throws(ToolError) -> ExpectedLookup {
        let permission = TypePermission(type: try text("resource_type"), permission: try text("permission"))
        let subject = try text("subject")
        return try lookup(
            .resources(permission, subject: ToolText.subject(subject)),
            excluded: [:],
            disputes,
            in: "lookup_resources",
            as: [permission.type, permission.permission, subject]
        )
    }

    func subjectLookup(_ disputes: [LookupFilePart]) throws(ToolError) -> ExpectedLookup {
        let resource = try text("resource")
        let permission = try text("permission")
        var excluded: [String: Permissionship] = [:]
        for entry in try member("excluded_from_wildcard").entries {
            guard case .string(let word) = entry.value, let answer = Permissionship(word: word), answer != .noPermission
            else { throw wrong("excluded_from_wildcard", "an object with `has` or `conditional` by id") }
            excluded[entry.key] = answer
        }
        return try lookup(
            .subjects(
                ToolText.object(resource),
                permission: permission,
                kind: ToolText.subjectKind(text("subject_type"))
            ),
            excluded: excluded,
            disputes,
            in: "lookup_subjects",
            as: [resource, permission]
        )
    }

    private func lookup(
        _ question: ExpectedLookup.Question,
        excluded: [String: Permissionship],
        _ disputes: [LookupFilePart],
        in key: String,
        as words: [String]
    ) throws(ToolError) -> ExpectedLookup {
        let context = try member("context")
        let asked = words.map { ContextValue.string($0) } + [.object(context)]
        var disputed: Set<String> = []
        for dispute in disputes {
            guard try dispute.list(key) == asked else { continue }
            disputed.formUnion(try dispute.texts("differs_from_check"))
        }
        return ExpectedLookup(
            question: question,
            context: context,
            has: Set(try texts("has")),
            conditional: Set(try texts("conditional")),
            excluded: excluded,
            disputed: disputed
        )
    }

    func missingContext() throws(ToolError) -> [CheckItem: Set<String>] {
        let checks = LookupFilePart(object: try member("missing_context"), place: "\(place): `missing_context`")
        var missing: [CheckItem: Set<String>] = [:]
        for entry in checks.object.entries {
            missing[try ToolText.check(entry.key)] = Set(try checks.texts(entry.key))
        }
        return missing
    }
}
