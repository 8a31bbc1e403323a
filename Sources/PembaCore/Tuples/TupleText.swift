// Pemba: the text form of relation tuples.
// SPDX-License-Identifier: Apache-2.0

/// Why a text is not a relation tuple, object or subject.
public struct TupleTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text that was read.
    public let text: String
    /// The rule that it breaks, and what to write instead.
    public let reason: String

    /// Says that `text` breaks a rule.
    public init(text: String, reason: String) {
        self.text = text
        self.reason = reason
    }

    /// Both, for people.
    public var description: String { "`\(text)` is not a relationship: \(reason)" }
}

extension ObjectReference {
    /// Reads `type:id`.
    public init(parsing text: String) throws(TupleTextError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw TupleTextError(text: text, reason: "an object is written `type:id`, and there is no `:`")
        }
        self.init(type: String(text[..<colon]), id: String(text[text.utf8.index(after: colon)...]))
        try requireNames(in: text)
    }

    fileprivate func requireNames(in text: String) throws(TupleTextError) {
        guard !type.isEmpty else { throw TupleTextError(text: text, reason: "the type before `:` is empty") }
        if let problem = ObjectReference.problem(ofID: id) { throw TupleTextError(text: text, reason: problem) }
    }

    /// What is wrong with an id, for people; nil if nothing is.
    public static func problem(ofID id: String) -> String? {
        if id.isEmpty { return "an id has at least one byte" }
        if id.utf8.count > Limits.objectIDBytes {
            return "an id has at most \(Limits.objectIDBytes) bytes, this one has \(id.utf8.count)"
        }
        // Unicode's category Cc is these 65 characters for ever, so its tables need not be asked, which are slow.
        if id.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
            return "an id has no control characters"
        }
        return nil
    }
}

extension SubjectReference {
    /// Reads `type:id`, `type:*`, `type:id#relation` or `type:id#...`.
    public init(parsing text: String) throws(TupleTextError) {
        guard let hash = text.utf8.firstIndex(of: UInt8(ascii: "#")) else {
            self.init(object: try ObjectReference(parsing: text))
            return
        }
        let object = try ObjectReference(parsing: String(text[..<hash]))
        let relation = String(text[text.utf8.index(after: hash)...])
        guard !relation.isEmpty else {
            throw TupleTextError(
                text: text,
                reason: "the relation after `#` is empty; leave the `#` out, or write `#...`"
            )
        }
        guard object.id != SubjectReference.wildcardID || relation == "..." else {
            throw TupleTextError(text: text, reason: "a wildcard subject has no relation")
        }
        self.init(object: object, relation: relation == "..." ? nil : relation)
    }
}

extension RelationTuple {
    /// Reads `type:id#relation@type:id`, optionally with a subject relation: SpiceDB's relationship text.
    ///
    /// The id of the resource ends at the first `#`, the relation at the first `@` after it, and the subject's id at
    /// the next `#`: ids that contain those characters have no text form.
    public init(parsing text: String) throws(TupleTextError) {
        let form = "a relationship is written `type:id#relation@type:id` or `type:id#relation@type:id#relation`"
        guard let hash = text.utf8.firstIndex(of: UInt8(ascii: "#")) else {
            throw TupleTextError(text: text, reason: "\(form), and there is no `#`")
        }
        let afterHash = text.utf8.index(after: hash)
        guard let at = text.utf8[afterHash...].firstIndex(of: UInt8(ascii: "@")) else {
            throw TupleTextError(text: text, reason: "\(form), and there is no `@` after the relation")
        }
        let relation = String(text[afterHash..<at])
        guard !relation.isEmpty else { throw TupleTextError(text: text, reason: "the relation after `#` is empty") }
        let subject = String(text[text.utf8.index(after: at)...])
        if subject.hasSuffix("]") {
            throw TupleTextError(
                text: text,
                reason: "caveats and expiration (`[…]`) are not supported by this version; leave them out"
            )
        }
        let resource = try ObjectReference(parsing: String(text[..<hash]))
        guard resource.id != SubjectReference.wildcardID else {
            throw TupleTextError(text: text, reason: "`*` stands for all subjects of a type; a resource is one object")
        }
        self.init(resource: resource, relation: relation, subject: try SubjectReference(parsing: subject))
    }
}
