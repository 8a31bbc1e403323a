// Pemba: a check in the graph's numbers, and its answer.
// SPDX-License-Identifier: Apache-2.0

/// A check whose names and ids are looked up; valid until the graph changes.
package struct ResolvedCheck: BitwiseCopyable {
    /// The resource, or `EntityNumber.unknownResource`.
    var resource: UInt32
    /// The node of the permission in the resource's type.
    var node: UInt32
    /// The subject, or `EntityNumber.none`, or `EntityNumber.unknownResource` if it is the unknown resource.
    var subject: UInt32
    /// The node of the subject's relation; `ResolvedCheck.noNode` for the object itself.
    var subjectNode: UInt32
    /// The number of the subject's type.
    var subjectType: UInt32
    /// The number of the subject's relation; 0 for the object itself.
    var subjectRelation: UInt32

    /// What no node has as its number.
    static let noNode = UInt32.max
}

/// How far an evaluation has come.
package enum EvaluationStep {
    /// It has the answer: whether the subject has the permission.
    case done(Bool)
    /// The answer depends on context that is missing, by name.
    case conditional(missing: [String])
    /// The slice is used up; `Graph.resume` goes on, provided that nothing is applied in between.
    case suspended(Evaluation)
    /// It cannot be answered: it went too deep or visited too much, or a condition could not be evaluated.
    case failed(GraphError)
}
