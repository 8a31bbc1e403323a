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
    public var description: String { "`\(text.abbreviated())` is not a relationship: \(reason)" }
}

extension ObjectReference {
    /// Reads `type:id` or `type:"id"`.
    ///
    /// An id that holds `#` stands in quotes: without them it would be the relation of something.
    public init(parsing text: String) throws(TupleTextError) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            throw TupleTextError(text: text, reason: "an object is written `type:id`, and there is no `:`")
        }
        let written = text[text.utf8.index(after: colon)...]
        do {
            self.init(type: String(text[..<colon]), id: try QuotedID.id(of: written))
        } catch {
            throw TupleTextError(
                text: text,
                reason:
                    "an id in quotes is a JSON string, and in `\(written)`, at byte \(error.offset), \(error.reason)"
            )
        }
        guard written.utf8.first == QuotedID.quote || !id.utf8.contains(UInt8(ascii: "#")) else {
            throw TupleTextError(
                text: text,
                reason: "an object is written `type:id` without `#`; an id that holds one stands in quotes: `\(self)`"
            )
        }
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
        // Each write asks several times about its ids, and nearly all are printable ASCII.
        if id.utf8.withContiguousStorageIfAvailable({ $0.allSatisfy { (0x20..<0x7F).contains($0) } }) == true {
            return nil
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
        guard let hash = text[...].firstMark("#") else {
            self.init(object: try ObjectReference(parsing: text))
            return
        }
        let object = try ObjectReference(parsing: String(text[..<hash.lowerBound]))
        let relation = String(text[hash.upperBound...])
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
    /// Reads `type:id#relation@type:id`, optionally with a subject relation and then with `[caveat]` or
    /// `[caveat:{json}]`, `[expiration:RFC 3339]` and `[not_before:RFC 3339]`, in this order: SpiceDB's relationship
    /// text, and a time from which on a tuple counts.
    ///
    /// The id of the resource ends at the first `#`, the relation at the first `@` after it, the subject's id at the
    /// next `#`, and the subject at the first `[`. Ids that hold those characters stand in quotes, as JSON strings.
    public init(parsing text: String) throws(TupleTextError) {
        if let plain = text.utf8.withContiguousStorageIfAvailable(PlainTuple.read) ?? nil {
            self = plain
            return
        }
        let form = "a relationship is written `type:id#relation@type:id` or `type:id#relation@type:id#relation`"
        guard let hash = text[...].firstMark("#") else {
            throw TupleTextError(text: text, reason: "\(form), and there is no `#`")
        }
        let afterHash = hash.upperBound
        guard let at = text.utf8[afterHash...].firstIndex(of: UInt8(ascii: "@")) else {
            throw TupleTextError(text: text, reason: "\(form), and there is no `@` after the relation")
        }
        let relation = String(text[afterHash..<at])
        guard !relation.isEmpty else { throw TupleTextError(text: text, reason: "the relation after `#` is empty") }
        let resource = try ObjectReference(parsing: String(text[..<hash.lowerBound]))
        guard resource.id != SubjectReference.wildcardID else {
            throw TupleTextError(text: text, reason: "`*` stands for all subjects of a type; a resource is one object")
        }
        let afterAt = text.utf8.index(after: at)
        let end = text[afterAt...].firstMark("[")?.lowerBound ?? text.endIndex
        self.init(
            resource: resource,
            relation: relation,
            subject: try SubjectReference(parsing: String(text[afterAt..<end]))
        )
        var traits = TraitText(text, from: end)
        try traits.read(into: &self)
    }
}

/// The words of the text form that are not names of the schema.
enum TupleText {
    static let expiration = "expiration"
    static let notBefore = "not_before"
}

/// What stands in brackets behind a tuple.
private struct TraitText {
    private let text: String
    private var rest: Substring.UTF8View

    init(_ text: String, from start: String.Index) {
        self.text = text
        rest = text[start...].utf8
    }

    mutating func read(into tuple: inout RelationTuple) throws(TupleTextError) {
        /// How many of the three kinds have been met or passed: they have an order.
        var stage = 0
        while !rest.isEmpty {
            guard rest.first == UInt8(ascii: "[") else {
                throw problem("`\(String(rest) ?? "")` follows a `]`; only `[…]` may")
            }
            rest.removeFirst()
            let name = take { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "]") }
            let isTime = (name == TupleText.expiration || name == TupleText.notBefore) && isFollowedByTime
            let kind = !isTime ? 1 : name == TupleText.expiration ? 2 : 3
            guard kind > stage else {
                throw problem(
                    "`[\(name)…]` is out of place; the order is `[caveat]`, `[expiration:…]`, `[not_before:…]`, each once"
                )
            }
            stage = kind
            switch kind {
            case 1: tuple.caveat = try caveat(name)
            case 2: tuple.expiresAt = try time()
            default: tuple.notBefore = try time()
            }
            guard rest.first == UInt8(ascii: "]") else { throw problem("a `]` is missing after `[\(name)`") }
            rest.removeFirst()
        }
    }

    /// A caveat may be called `expiration`: its context is an object, a time is not.
    private var isFollowedByTime: Bool {
        rest.first == UInt8(ascii: ":") && rest.dropFirst().first != UInt8(ascii: "{")
    }

    private mutating func time() throws(TupleTextError) -> Timestamp {
        rest.removeFirst()
        let written = take { $0 != UInt8(ascii: "]") }
        do {
            let instant = try CivilInstant(rfc3339: written)
            // Later than 64 bits of nanoseconds reach is never, and earlier always: times near their ends stand for it.
            // The very ends are left to those who mark with them that there is no time.
            return Timestamp(instant) ?? Timestamp(nanoseconds: instant.seconds < 0 ? .min + 1 : .max - 1)
        } catch {
            throw problem(error.description)
        }
    }

    private mutating func caveat(_ name: String) throws(TupleTextError) -> CaveatReference {
        guard !name.isEmpty else { throw problem("the name of the caveat after `[` is empty") }
        guard rest.first == UInt8(ascii: ":") else { return CaveatReference(name: name) }
        rest.removeFirst()
        let json = takeObject()
        do {
            return CaveatReference(name: name, context: try ContextObject(parsing: json))
        } catch {
            throw problem("the context of caveat `\(name)`: \(error)")
        }
    }

    /// Takes a JSON object as far as its braces go; whether it is one is for its parser to say.
    private mutating func takeObject() -> String {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var isDone = false
        return take { byte in
            guard !isDone else { return false }
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                return true
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                isDone = depth <= 0
            case UInt8(ascii: "]"): return depth > 0
            default: break
            }
            return true
        }
    }

    private mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let taken = rest.prefix(while: belongs)
        rest = rest[taken.endIndex...]
        return String(taken) ?? ""
    }

    private func problem(_ reason: String) -> TupleTextError { TupleTextError(text: text, reason: reason) }
}
