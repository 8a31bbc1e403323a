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

extension FoundSubject: StreamItem {
    package static var frameType: FrameType { .foundSubjects }

    package func encode(into output: inout ByteWriter) {
        let isConditional = decision.permissionship == .conditional
        output.integer(ResultHead.encode(permission: permission, isConditional: isConditional))
        output.integer(UInt8(kind))
        output.string(id)
        if isConditional { output.missingContext(decision.missingContext) }
        guard id.hasSameBytes(as: SubjectReference.wildcardID) else { return }
        output.count(excluded.count)
        for subject in excluded {
            output.string(subject.id)
            output.decision(subject.decision)
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
        var excluded: [ExcludedSubject] = []
        if id.hasSameBytes(as: SubjectReference.wildcardID) {
            excluded = try reader.list(limit: Limits.lookupResults) { reader throws(ByteError) in
                let id = try reader.string(limit: Limits.objectIDBytes)
                return ExcludedSubject(id: id, decision: try reader.decision())
            }
        }
        self.init(
            permission: permission,
            kind: Int(kind),
            id: id,
            decision: Decision(isConditional ? .conditional : .hasPermission, missingContext: missing),
            excluded: excluded
        )
    }
}
