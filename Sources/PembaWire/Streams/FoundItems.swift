// Pemba: what lookups found, in frames.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// The first byte of a result: the place of the permission, twice, and 1 more if the result is conditional.
private enum ResultHead {
    static func encode(permission: Int, isConditional: Bool) -> UInt8 {
        UInt8(permission << 1) | (isConditional ? 1 : 0)
    }

    static func decode(_ reader: inout ByteReader) throws(ByteError) -> (permission: Int, isConditional: Bool) {
        let head: UInt8 = try reader.integer()
        guard head >> 1 < Limits.permissionsPerLookup else {
            throw .invalidValue(field: "permission", value: UInt64(head >> 1))
        }
        return (Int(head >> 1), head & 1 != 0)
    }
}

/// The frames of a lookup of resources as a node fills them.
package typealias FoundResourcesWriter = StreamPart<FoundResource>

extension FoundResource: StreamItem {
    package static var frameType: FrameType { .foundResources }

    package func encode(into output: inout ByteWriter) {
        let isConditional = decision.permissionship == .conditional
        output.integer(ResultHead.encode(permission: permission, isConditional: isConditional))
        output.string(id)
        if isConditional { output.missingContext(decision.missingContext) }
    }

    package init(reading reader: inout ByteReader) throws(ByteError) {
        let (permission, isConditional) = try ResultHead.decode(&reader)
        let id = try reader.string(limit: Limits.objectIDBytes)
        let missing = isConditional ? try reader.missingContext() : []
        let decision = Decision(isConditional ? .conditional : .hasPermission, missingContext: missing)
        self.init(permission: permission, id: id, decision: decision)
    }
}

extension StreamPart<FoundResource> {
    /// Appends a resource on which the subject has the permission, whose id is borrowed: no string is made of it.
    ///
    /// - Returns: false if the frame has no room for it; then nothing was appended.
    @inline(__always)
    package mutating func append(permission: Int, id: UnsafeRawBufferPointer, into output: inout ByteWriter) -> Bool {
        append(into: &output) { output in
            output.integer(ResultHead.encode(permission: permission, isConditional: false))
            output.count(id.count)
            output.bytes.append(contentsOf: id)
        }
    }
}

/// A subject that was found, or a piece of a wildcard whose exclusions are many.
package struct FoundSubjectPiece: Hashable, Sendable {
    /// Exclusions in one piece: with what is missing for each they fit a frame.
    package static let exclusions = 128

    /// The subject, with the exclusions of this piece.
    package var subject: FoundSubject
    /// Whether the next item is the same wildcard with the exclusions that follow.
    package var goesOn: Bool

    package init(_ subject: FoundSubject, goesOn: Bool = false) {
        self.subject = subject
        self.goesOn = goesOn
    }
}

extension FoundSubject {
    /// Appends the pieces in which it travels, nearly always one.
    package func appendPieces(to pieces: inout [FoundSubjectPiece]) {
        guard excluded.count > FoundSubjectPiece.exclusions else { return pieces.append(FoundSubjectPiece(self)) }
        var start = 0
        while start < excluded.count {
            let end = min(start + FoundSubjectPiece.exclusions, excluded.count)
            var piece = FoundSubject(permission: permission, kind: kind, id: id, decision: decision)
            piece.excluded = Array(excluded[start..<end])
            pieces.append(FoundSubjectPiece(piece, goesOn: end < excluded.count))
            start = end
        }
    }
}

extension FoundSubjectPiece: StreamItem {
    package static var frameType: FrameType { .foundSubjects }

    package func encode(into output: inout ByteWriter) {
        let isConditional = subject.decision.permissionship == .conditional
        output.integer(ResultHead.encode(permission: subject.permission, isConditional: isConditional))
        output.integer(UInt8(subject.kind))
        output.string(subject.id)
        if isConditional { output.missingContext(subject.decision.missingContext) }
        guard subject.id.hasSameBytes(as: SubjectReference.wildcardID) else { return }
        output.boolean(goesOn)
        output.count(subject.excluded.count)
        for excluded in subject.excluded {
            output.string(excluded.id)
            output.decision(excluded.decision)
        }
    }

    package init(reading reader: inout ByteReader) throws(ByteError) {
        let (permission, isConditional) = try ResultHead.decode(&reader)
        let kind: UInt8 = try reader.integer()
        guard kind < Limits.permissionsPerLookup else {
            throw .invalidValue(field: "subject kind", value: UInt64(kind))
        }
        let id = try reader.string(limit: Limits.objectIDBytes)
        let missing = isConditional ? try reader.missingContext() : []
        subject = FoundSubject(
            permission: permission,
            kind: Int(kind),
            id: id,
            decision: Decision(isConditional ? .conditional : .hasPermission, missingContext: missing)
        )
        goesOn = false
        guard id.hasSameBytes(as: SubjectReference.wildcardID) else { return }
        goesOn = try reader.boolean(field: "exclusions go on")
        subject.excluded = try reader.list(limit: FoundSubjectPiece.exclusions) { reader throws(ByteError) in
            let id = try reader.string(limit: Limits.objectIDBytes)
            return ExcludedSubject(id: id, decision: try reader.decision())
        }
    }
}

/// Puts the pieces of wildcards together again.
package struct FoundSubjectPieces: Sendable {
    /// The wildcard whose last piece has not come yet.
    private var wildcard: FoundSubject?

    package init() {}

    /// Takes the next pieces in; gives the subjects that are whole.
    package mutating func add(_ pieces: [FoundSubjectPiece]) throws(ByteError) -> [FoundSubject] {
        var subjects: [FoundSubject] = []
        subjects.reserveCapacity(pieces.count)
        for piece in pieces {
            if let whole = try add(piece) { subjects.append(whole) }
        }
        return subjects
    }

    /// Takes the next piece in; gives the subject once it is whole.
    package mutating func add(_ piece: FoundSubjectPiece) throws(ByteError) -> FoundSubject? {
        guard var whole = wildcard.take() else {
            if !piece.goesOn { return piece.subject }
            wildcard = piece.subject
            return nil
        }
        guard whole.permission == piece.subject.permission, whole.kind == piece.subject.kind,
            whole.id.hasSameBytes(as: piece.subject.id)
        else { throw .invalidValue(field: "exclusions that go on", value: UInt64(whole.excluded.count)) }
        let count = whole.excluded.count + piece.subject.excluded.count
        guard count <= Limits.lookupResults else {
            throw .exceedsLimit(value: UInt64(count), limit: UInt64(Limits.lookupResults))
        }
        whole.excluded += piece.subject.excluded
        if !piece.goesOn { return whole }
        wildcard = whole
        return nil
    }
}
