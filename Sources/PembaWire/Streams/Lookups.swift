// Pemba: requests for lookups, and how their answers end.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension LookupResourcesRequest {
    /// Appends the payload of a `lookupResources` frame.
    package func encode(deadlineMilliseconds: UInt32, window: UInt16, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.integer(window)
        consistency.encode(into: &output)
        encodeQuery(into: &output)
        output.resultLimit(limit)
        LookupCursor.encode(cursor, into: &output)
    }

    /// Reads the payload of a `lookupResources` frame; refuses a cursor of another query.
    package static func decode(
        _ payload: UnsafeRawBufferPointer
    ) throws(ByteError) -> Streamed<LookupResourcesRequest> {
        try Streamed.decode(payload) { reader throws(ByteError) in
            let consistency = try Consistency(decoding: &reader)
            let permissions = try reader.list(limit: Limits.permissionsPerLookup) { reader throws(ByteError) in
                let type = try reader.string(limit: Limits.definitionNameBytes)
                return TypePermission(type: type, permission: try reader.string(limit: Limits.relationNameBytes))
            }
            var request = LookupResourcesRequest(
                consistency: consistency,
                permissions: permissions,
                subject: try reader.subject(),
                context: try reader.evaluationContext(),
                candidates: try reader.candidates(),
                idPrefix: try reader.string(limit: Limits.objectIDBytes),
                limit: try reader.resultLimit()
            )
            request.cursor = try LookupCursor.decode(&reader)
            try OpaqueCursor.check(request.cursor?.queryChecksum, isOf: request.queryChecksum)
            return request
        }
    }

    /// What binds a cursor to this query: everything but consistency, limit and cursor.
    package var queryChecksum: UInt32 {
        OpaqueCursor.checksum { output in
            output.integer(FrameType.lookupResources.rawValue)
            encodeQuery(into: &output)
        }
    }

    private func encodeQuery(into output: inout ByteWriter) {
        output.count(permissions.count)
        for permission in permissions {
            output.string(permission.type)
            output.string(permission.permission)
        }
        output.subject(subject)
        output.evaluationContext(context)
        output.candidates(candidates)
        output.string(idPrefix)
    }
}

extension LookupSubjectsRequest {
    /// Appends the payload of a `lookupSubjects` frame.
    package func encode(deadlineMilliseconds: UInt32, window: UInt16, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.integer(window)
        consistency.encode(into: &output)
        encodeQuery(into: &output)
        output.resultLimit(limit)
        LookupCursor.encode(cursor, into: &output)
    }

    /// Reads the payload of a `lookupSubjects` frame; refuses a cursor of another query.
    package static func decode(
        _ payload: UnsafeRawBufferPointer
    ) throws(ByteError) -> Streamed<LookupSubjectsRequest> {
        try Streamed.decode(payload) { reader throws(ByteError) in
            let consistency = try Consistency(decoding: &reader)
            let resource = try reader.object()
            let permissions = try reader.strings(limit: Limits.permissionsPerLookup, bytes: Limits.relationNameBytes)
            let kinds = try reader.list(limit: Limits.permissionsPerLookup) { reader throws(ByteError) in
                let type = try reader.string(limit: Limits.definitionNameBytes)
                let relation = try reader.string(limit: Limits.relationNameBytes)
                return SubjectKind(type: type, relation: relation.isEmpty ? nil : relation)
            }
            var request = LookupSubjectsRequest(
                consistency: consistency,
                resource: resource,
                permissions: permissions,
                kinds: kinds,
                context: try reader.evaluationContext(),
                candidates: try reader.candidates(),
                idPrefix: try reader.string(limit: Limits.objectIDBytes),
                limit: try reader.resultLimit()
            )
            request.cursor = try LookupCursor.decode(&reader)
            try OpaqueCursor.check(request.cursor?.queryChecksum, isOf: request.queryChecksum)
            return request
        }
    }

    /// What binds a cursor to this query: everything but consistency, limit and cursor.
    package var queryChecksum: UInt32 {
        OpaqueCursor.checksum { output in
            output.integer(FrameType.lookupSubjects.rawValue)
            encodeQuery(into: &output)
        }
    }

    private func encodeQuery(into output: inout ByteWriter) {
        output.object(resource)
        output.strings(permissions)
        output.count(kinds.count)
        for kind in kinds {
            output.string(kind.type)
            output.string(kind.relation ?? "")
        }
        output.evaluationContext(context)
        output.candidates(candidates)
        output.string(idPrefix)
    }
}

extension LookupEnd {
    /// Appends the payload of a `lookupResourcesAnswer` or `lookupSubjectsAnswer` frame and binds the cursor in it to the
    /// query with this checksum.
    package func encode(queryChecksum: UInt32, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        var bound = next
        bound?.queryChecksum = queryChecksum
        LookupCursor.encode(bound, into: &output)
    }

    /// Reads the payload of a `lookupResourcesAnswer` or `lookupSubjectsAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let next = try LookupCursor.decode(&reader)
        try reader.expectEnd()
        self.init(zookie: zookie, next: next)
    }
}

extension ByteWriter {
    fileprivate mutating func candidates(_ candidates: [String]?) {
        boolean(candidates != nil)
        if let candidates { strings(candidates) }
    }

    /// Appends a limit; 0 for none.
    fileprivate mutating func resultLimit(_ limit: Int?) { count(limit ?? 0) }
}

extension ByteReader {
    fileprivate mutating func candidates() throws(ByteError) -> [String]? {
        guard try boolean(field: "candidates present") else { return nil }
        return try strings(limit: Limits.lookupCandidates, bytes: Limits.objectIDBytes)
    }

    fileprivate mutating func resultLimit() throws(ByteError) -> Int? {
        let limit = try count(limit: Limits.lookupResults)
        return limit == 0 ? nil : limit
    }
}
