// Pemba: texts that people type on the command line.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// Reads arguments, with errors that name the argument and the rule.
package enum ToolText {
    /// A relationship.
    package static func tuple(_ text: String) throws(ToolError) -> RelationTuple {
        do { return try RelationTuple(parsing: text) } catch { throw ToolError(error.description) }
    }

    /// A check.
    package static func check(_ text: String) throws(ToolError) -> CheckItem {
        do { return try CheckItem(parsing: text) } catch { throw ToolError(error.description) }
    }

    /// An object.
    package static func object(_ text: String) throws(ToolError) -> ObjectReference {
        do { return try ObjectReference(parsing: text) } catch { throw ToolError(error.description) }
    }

    /// One subject.
    package static func subject(_ text: String) throws(ToolError) -> SubjectReference {
        do throws(TupleTextError) {
            let subject = try SubjectReference(parsing: text)
            guard !subject.isWildcard else {
                throw TupleTextError(text: text, reason: "one subject is asked about, not all of a type")
            }
            return subject
        } catch {
            throw ToolError(error.description)
        }
    }

    /// The context of a request.
    package static func context(_ json: String?) throws(ToolError) -> ContextObject {
        try object(json, "context", bytesMax: Limits.requestContextBytes)
    }

    /// The metadata of a write.
    package static func metadata(_ json: String?) throws(ToolError) -> ContextObject {
        try object(json, "metadata", bytesMax: Limits.metadataBytes)
    }

    private static func object(_ json: String?, _ what: String, bytesMax: Int) throws(ToolError) -> ContextObject {
        guard let json else { return .empty }
        do {
            return try ContextObject(parsing: json, bytesMax: bytesMax)
        } catch {
            throw ToolError(
                "the \(what) `\(json.abbreviated())` is not a JSON object: at byte \(error.offset), \(error.reason)"
            )
        }
    }

    /// What counts beside the stored tuples.
    package static func evaluation(context: String?, tuples: [String]) throws(ToolError) -> EvaluationContext {
        EvaluationContext(values: try ToolText.context(context), tuples: try tuples.map(tuple))
    }

    /// `type:id#permission`: a permission of an object, or what else is wanted of it.
    package static func objectPermission(
        _ text: String,
        wanted: String = "permission"
    ) throws(ToolError) -> (object: ObjectReference, permission: String) {
        let (object, permission) = try halves(of: text, form: "type:id#\(wanted)")
        return (try ToolText.object(object), permission)
    }

    /// `type#permission`: a permission of a type.
    package static func typePermission(_ text: String) throws(ToolError) -> TypePermission {
        let (type, permission) = try halves(of: text, form: "type#permission")
        guard !type.contains(":") else {
            throw ToolError("`\(text)` names an object; a lookup of resources asks for a whole type: `type#permission`")
        }
        return TypePermission(type: type, permission: permission)
    }

    /// `type` or `type#relation`: a kind of subject.
    package static func subjectKind(_ text: String) throws(ToolError) -> SubjectKind {
        guard text.contains("#") else {
            guard !text.isEmpty, !text.contains(":") else { throw ToolError("`\(text)` is not a type of subject") }
            return SubjectKind(type: text)
        }
        let (type, relation) = try halves(of: text, form: "type#relation")
        return SubjectKind(type: type, relation: relation == "..." ? nil : relation)
    }

    private static func halves(of text: String, form: String) throws(ToolError) -> (String, String) {
        guard let hash = text[...].firstMark("#"), hash.lowerBound > text.startIndex, hash.upperBound < text.endIndex
        else { throw ToolError("`\(text)` is not of the form `\(form)`") }
        return (String(text[..<hash.lowerBound]), String(text[hash.upperBound...]))
    }

    /// A revision's number, a zookie, or a time: the moment at which something is evaluated.
    package static func moment(_ text: String) throws(ToolError) -> Consistency {
        if let revision = UInt64(text) { return .atRevision(Revision(revision)) }
        if let zookie = Zookie(text) { return .atExactSnapshot(zookie) }
        do {
            return .atTime(try Timestamp(rfc3339: text))
        } catch {
            throw ToolError("`\(text)` is neither a revision's number nor a zookie nor a time: \(error)")
        }
    }

    /// A zookie.
    package static func zookie(_ text: String) throws(ToolError) -> Zookie {
        guard let zookie = Zookie(text) else {
            throw ToolError("`\(text)` is not a zookie; pass on what a write or a check printed, unchanged")
        }
        return zookie
    }

    /// A filter of `type[:id]`, an id's start, a relation, and `type[:id][#relation]`.
    package static func filter(
        resource: String?,
        prefix: String?,
        relation: String?,
        subject: String?
    ) throws(ToolError) -> RelationshipFilter {
        var filter = RelationshipFilter(resourceIDPrefix: prefix, relation: relation)
        if let resource {
            (filter.resourceType, filter.resourceID) = try typeAndID(resource[...])
            guard filter.resourceID == nil || prefix == nil else {
                throw ToolError("--resource with an id and --resource-prefix exclude each other")
            }
        }
        guard let subject else { return filter }
        let hash = subject[...].firstMark("#")
        (filter.subjectType, filter.subjectID) = try typeAndID(subject[..<(hash?.lowerBound ?? subject.endIndex)])
        guard let hash else { return filter }
        let name = subject[hash.upperBound...]
        guard !name.isEmpty else { throw ToolError("`\(subject)` names no relation after `#`; leave the `#` out") }
        filter.subjectRelation = name == "..." ? .none : .named(String(name))
        return filter
    }

    /// A filter as the text of a relationship of which parts are left out: `type[:id][#relation][@type[:id][#relation]]`,
    /// and `#relation` or `@type[:id]` of any resource.
    package static func filter(_ text: String) throws(ToolError) -> RelationshipFilter {
        let at = text[...].firstMark("@")
        let resource = text[..<(at?.lowerBound ?? text.endIndex)]
        let hash = resource.firstMark("#")
        let object = resource[..<(hash?.lowerBound ?? resource.endIndex)]
        let (relation, subject) = (hash.map { resource[$0.upperBound...] }, at.map { text[$0.upperBound...] })
        guard !text.isEmpty, relation?.isEmpty != true, subject?.isEmpty != true else {
            throw ToolError("`\(text)` is not of the form `[type[:id]][#relation][@type[:id][#relation]]`")
        }
        return try filter(
            resource: object.isEmpty ? nil : String(object),
            prefix: nil,
            relation: relation.map { String($0) },
            subject: subject.map { String($0) }
        )
    }

    private static func typeAndID(_ text: Substring) throws(ToolError) -> (String, String?) {
        let colon = text.firstIndex(of: ":")
        guard colon != text.startIndex, colon.map({ text.index(after: $0) }) != text.endIndex, !text.isEmpty,
            colon != nil || !text.contains("#")
        else { throw ToolError("`\(text)` is neither a type nor `type:id`") }
        guard colon != nil else { return (String(text), nil) }
        let object = try object(String(text))
        return (object.type, object.id)
    }
}
