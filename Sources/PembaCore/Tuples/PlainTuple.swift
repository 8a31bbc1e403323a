// Pemba: the text of the many tuples that are nothing special, read fast.
// SPDX-License-Identifier: Apache-2.0

/// Reads tuples of printable ASCII without quotes, caveat and times: nearly all lines of a file with millions of them.
enum PlainTuple {
    /// Which part of a tuple a byte is in.
    private enum Part: Int {
        case resourceType
        case resourceID
        case relation
        case subjectType
        case subjectID
        case subjectRelation
    }

    /// The tuple; nil if the text is anything else, right or wrong: the reader of all texts says what it is.
    static func read(_ text: UnsafeBufferPointer<UInt8>) -> RelationTuple? {
        var ends: (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
        var part = Part.resourceType
        for place in text.indices {
            let byte = text[place]
            guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "["), byte != QuotedID.quote else { return nil }
            switch (part, byte) {
            case (.resourceType, UInt8(ascii: ":")): (ends.0, part) = (place, .resourceID)
            case (.resourceID, UInt8(ascii: "#")): (ends.1, part) = (place, .relation)
            case (.relation, UInt8(ascii: "@")): (ends.2, part) = (place, .subjectType)
            case (.subjectType, UInt8(ascii: ":")): (ends.3, part) = (place, .subjectID)
            case (.subjectID, UInt8(ascii: "#")): (ends.4, part) = (place, .subjectRelation)
            case (.resourceType, UInt8(ascii: "#")), (.subjectType, UInt8(ascii: "#")): return nil
            default: break
            }
        }
        guard part == .subjectID || part == .subjectRelation else { return nil }
        let subjectEnd = part == .subjectID ? text.count : ends.4
        let hasNames = ends.0 > 0 && ends.2 > ends.1 + 1 && ends.3 > ends.2 + 1
        let sizes = (ends.1 - ends.0 - 1, subjectEnd - ends.3 - 1)
        let allowed = 1...Limits.objectIDBytes
        guard hasNames, allowed.contains(sizes.0), allowed.contains(sizes.1) else { return nil }
        return tuple(text, ends, subjectEnd)
    }

    private static func tuple(
        _ text: UnsafeBufferPointer<UInt8>,
        _ ends: (Int, Int, Int, Int, Int),
        _ subjectEnd: Int
    ) -> RelationTuple? {
        func string(_ range: Range<Int>) -> String {
            String(decoding: UnsafeBufferPointer(rebasing: text[range]), as: UTF8.self)
        }
        func isWildcard(_ range: Range<Int>) -> Bool { range.count == 1 && text[range.lowerBound] == UInt8(ascii: "*") }
        let resourceID = ends.0 + 1..<ends.1
        let subjectID = ends.3 + 1..<subjectEnd
        var relation: String?
        if subjectEnd < text.count {
            let name = string(subjectEnd + 1..<text.count)
            guard !name.isEmpty, name == "..." || !isWildcard(subjectID) else { return nil }
            relation = name == "..." ? nil : name
        }
        guard !isWildcard(resourceID) else { return nil }
        return RelationTuple(
            resource: ObjectReference(type: string(0..<ends.0), id: string(resourceID)),
            relation: string(ends.1 + 1..<ends.2),
            subject: SubjectReference(type: string(ends.2 + 1..<ends.3), id: string(subjectID), relation: relation)
        )
    }
}

extension RelationTuple {
    /// Reads relationship text that lies somewhere as bytes; throws also if they are not UTF-8.
    package init(parsing text: UnsafeBufferPointer<UInt8>) throws(TupleTextError) {
        if let plain = PlainTuple.read(text) {
            self = plain
            return
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            let repaired = String(decoding: text, as: UTF8.self)
            throw TupleTextError(text: repaired, reason: "it is not UTF-8 text")
        }
        try self.init(parsing: string)
    }
}
