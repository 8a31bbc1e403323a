// Pemba: tuples as borrowed bytes.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RelationTuple {
    /// Calls `body` with the tuple's bytes.
    package func withView<Result, Failure: Error>(
        _ body: (CheckView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var parts = (
            resource.type, resource.id, relation, subject.object.type, subject.object.id, subject.relation ?? ""
        )
        // Native strings only: a bridged one would hand out bytes that die with the closure.
        parts.0.makeContiguousUTF8()
        parts.1.makeContiguousUTF8()
        parts.2.makeContiguousUTF8()
        parts.3.makeContiguousUTF8()
        parts.4.makeContiguousUTF8()
        parts.5.makeContiguousUTF8()
        return try Strings.withBytes(&parts.0) { type throws(Failure) in
            try Strings.withBytes(&parts.1) { id throws(Failure) in
                try Strings.withBytes(&parts.2) { relation throws(Failure) in
                    try Strings.withBytes(&parts.3) { subjectType throws(Failure) in
                        try Strings.withBytes(&parts.4) { subjectID throws(Failure) in
                            try Strings.withBytes(&parts.5) { subjectRelation throws(Failure) in
                                try body(
                                    CheckView(
                                        resourceType: type,
                                        resourceID: id,
                                        permission: relation,
                                        subjectType: subjectType,
                                        subjectID: subjectID,
                                        subjectRelation: subjectRelation
                                    )
                                )
                            }
                        }
                    }
                }
            }
        }
    }

    /// Makes a tuple of its bytes.
    init(_ view: CheckView) {
        self.init(
            resource: ObjectReference(
                type: String(decoding: view.resourceType, as: UTF8.self),
                id: String(decoding: view.resourceID, as: UTF8.self)
            ),
            relation: String(decoding: view.permission, as: UTF8.self),
            subject: SubjectReference(
                type: String(decoding: view.subjectType, as: UTF8.self),
                id: String(decoding: view.subjectID, as: UTF8.self),
                relation: view.subjectRelation.isEmpty ? nil : String(decoding: view.subjectRelation, as: UTF8.self)
            )
        )
    }
}

/// Borrowing the bytes of strings with typed errors.
private enum Strings {
    @inline(__always)
    static func withBytes<Result, Failure: Error>(
        _ text: inout String,
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = text.withUTF8 { utf8 in
            do throws(Failure) { return .success(try body(UnsafeRawBufferPointer(utf8))) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
