// Pemba: tuples as borrowed bytes.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension RelationTuple {
    /// Calls `body` with the tuple's bytes, which live as long as the call.
    ///
    /// They are copied side by side, each to a place of its own: borrowing six strings takes six closures around one
    /// another, and each write does this several times.
    package func withView<Result, Failure: Error>(
        _ body: (CheckView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let subjectRelation = subject.relation ?? ""
        var bytes = resource.type.utf8.count + resource.id.utf8.count + relation.utf8.count
        bytes += subject.object.type.utf8.count + subject.object.id.utf8.count + subjectRelation.utf8.count
        let outcome = withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 1) { copy in
            var copier = ViewCopier(rest: copy[...])
            let view = CheckView(
                resourceType: copier.copy(resource.type),
                resourceID: copier.copy(resource.id),
                permission: copier.copy(relation),
                subjectType: copier.copy(subject.object.type),
                subjectID: copier.copy(subject.object.id),
                subjectRelation: copier.copy(subjectRelation)
            )
            do throws(Failure) { return Swift.Result<Result, Failure>.success(try body(view)) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
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

/// Copies strings one behind the other.
private struct ViewCopier {
    /// Where the next one goes.
    var rest: Slice<UnsafeMutableRawBufferPointer>

    /// Copies one, which must fit; where it is.
    @inline(__always)
    mutating func copy(_ text: String) -> UnsafeRawBufferPointer {
        let count = text.utf8.count
        let place = UnsafeMutableRawBufferPointer(rebasing: rest.prefix(count))
        rest = rest.dropFirst(count)
        let isCopied: Void? = text.utf8.withContiguousStorageIfAvailable {
            place.copyMemory(from: UnsafeRawBufferPointer($0))
        }
        if isCopied == nil { place.copyBytes(from: text.utf8) }
        return UnsafeRawBufferPointer(place)
    }
}
