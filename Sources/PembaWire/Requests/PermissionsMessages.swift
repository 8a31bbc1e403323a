// Pemba: which of a resource's permissions a subject has.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension PermissionsRequest {
    /// Appends the payload of a `permissions` frame.
    package func encode(deadlineMilliseconds: UInt32, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.object(resource)
        output.subject(subject)
        output.evaluationContext(context)
    }

    /// Reads the payload of a `permissions` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Timed<PermissionsRequest> {
        try Timed.decode(payload) { reader throws(ByteError) in
            PermissionsRequest(
                consistency: try Consistency(decoding: &reader),
                resource: try reader.object(),
                subject: try reader.subject(),
                context: try reader.evaluationContext()
            )
        }
    }
}

extension PermissionsAnswer {
    /// Appends the payload of a `permissionsAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.count(entries.count)
        for entry in entries {
            output.string(entry.permission)
            output.boolean(entry.isRelation)
            output.decision(entry.decision)
        }
    }

    /// Reads the payload of a `permissionsAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let entries = try reader.list(limit: Limits.relationsPerDefinition) { reader throws(ByteError) in
            Entry(
                permission: try reader.string(limit: Limits.relationNameBytes),
                isRelation: try reader.boolean(field: "relation"),
                decision: try reader.decision()
            )
        }
        try reader.expectEnd()
        self.init(entries: entries, zookie: zookie)
    }
}
