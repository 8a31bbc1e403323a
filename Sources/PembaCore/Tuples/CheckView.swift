// Pemba: a check, or a tuple, as slices of the bytes it arrived in.
// SPDX-License-Identifier: Apache-2.0

/// The six parts of a check, or of a tuple, borrowed from a frame or a block; no string is made of them.
///
/// As a tuple, `permission` is the relation. The slices are valid only as long as the memory they point into; nothing
/// about their contents is checked yet.
public struct CheckView {
    /// The resource's definition.
    public var resourceType: UnsafeRawBufferPointer
    /// The resource's id.
    public var resourceID: UnsafeRawBufferPointer
    /// The relation or permission asked for.
    public var permission: UnsafeRawBufferPointer
    /// The subject's definition.
    public var subjectType: UnsafeRawBufferPointer
    /// The subject's id.
    public var subjectID: UnsafeRawBufferPointer
    /// The subject's relation; empty for the object itself.
    public var subjectRelation: UnsafeRawBufferPointer

    /// Borrows the six parts.
    @inlinable
    @inline(__always)
    public init(
        resourceType: UnsafeRawBufferPointer,
        resourceID: UnsafeRawBufferPointer,
        permission: UnsafeRawBufferPointer,
        subjectType: UnsafeRawBufferPointer,
        subjectID: UnsafeRawBufferPointer,
        subjectRelation: UnsafeRawBufferPointer
    ) {
        self.resourceType = resourceType
        self.resourceID = resourceID
        self.permission = permission
        self.subjectType = subjectType
        self.subjectID = subjectID
        self.subjectRelation = subjectRelation
    }
}
