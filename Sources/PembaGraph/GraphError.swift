// Pemba: why the graph refuses something.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaSchema

/// Why the graph refuses a tuple, a check, a filter, a schema or a block; each case maps to one code of the registry.
package enum GraphError: Error, Equatable, Sendable {
    /// No schema has been set yet.
    case noSchema
    /// The schema has no definition of that name.
    case unknownDefinition(String)
    /// The definition has no relation or permission of that name.
    case unknownRelation(definition: String, relation: String)
    /// No definition has a relation or permission of that name.
    case unknownEverywhere(relation: String)
    /// The name is a permission, which is computed and holds no tuples.
    case cannotWritePermission(definition: String, permission: String)
    /// The relation does not admit the subject; it admits those listed, in the order of the schema.
    case subjectNotAllowed(RelationTuple, given: String, admitted: [String])
    /// A field breaks a rule; the sentence says which.
    case invalidArgument(String)
    /// A field stands for all subjects of a type where one object is asked about.
    case notOneObject(field: String, of: String)
    /// The filter has a resource id and a prefix of one.
    case invalidFilter(RelationshipFilter)
    /// The new schema would not admit this stored tuple.
    case wouldOrphan(RelationTuple, reason: String)
    /// The schema has no caveat of that name.
    case unknownCaveat(String)
    /// The context of a caveat is not one: that of a stored tuple, or without a tuple that of the request.
    case invalidContext(ConditionArgumentError, of: RelationTuple?)
    /// A caveat on which the answer depends has no value for its context.
    case conditionFailed(caveat: String, reason: String)
    /// An evaluation visited more than this many entities without an answer.
    case budgetExceeded(Int)
    /// An explanation visited more than this many entities.
    case explanationExceeded(Int)
    /// An evaluation went deeper than this without an answer.
    case tooDeep(Int)
    /// The history does not reach back to what was asked for; the oldest revision that it has.
    case tooOld(oldest: Revision)
    /// The revision or time lies in the future.
    case notYet(newest: Revision)
    /// The bytes are no block of a snapshot.
    case damagedBlock(ByteError)
}

extension GraphError: CustomStringConvertible {
    /// What was wrong, and the way out, for people.
    package var description: String {
        switch self {
        case .noSchema:
            "no schema has been written yet"
        case .unknownDefinition(let name):
            "the schema has no definition `\(name)`"
        case .unknownRelation(let definition, let relation):
            "definition `\(definition)` has no relation or permission `\(relation)`"
        case .unknownEverywhere(let relation):
            "no definition of the schema has a relation or permission `\(relation)`"
        case .cannotWritePermission(let definition, let permission):
            "`\(permission)` of `\(definition)` is a permission: it is computed and holds no relationships"
        case .subjectNotAllowed(let tuple, let given, let admitted):
            "`\(tuple.description.abbreviated())` is not admitted: `\(tuple.relation)` of `\(tuple.resource.type)` does not take `\(given)`, it takes "
                + admitted.map { "`\($0)`" }.joined(separator: ", ")
        case .invalidArgument(let sentence):
            sentence
        case .notOneObject(let field, let whole):
            "the \(field) of a \(whole) is one object: `*` is none"
        case .invalidFilter(let filter):
            "a filter has a resource id or a prefix of one, not both; `\(filter)` has both"
        case .wouldOrphan(let tuple, let reason):
            "the schema would orphan the stored relationship `\(tuple.description.abbreviated())`: \(reason)"
        case .unknownCaveat(let name):
            "the schema has no caveat `\(name)`"
        case .invalidContext(let error, let tuple):
            tuple.map { "the context of `\($0.description.abbreviated())`: \(error)" } ?? error.description
        case .conditionFailed(let caveat, let reason):
            "caveat `\(caveat)` could not be evaluated: \(reason.abbreviated(to: 400))"
        case .budgetExceeded(let visits):
            "the evaluation visited more than \(visits) entities without an answer (limits.evaluation_visits)"
        case .explanationExceeded(let visits):
            "the explanation visited more than \(visits) entities; ask for the answer alone, or explain a part of it"
        case .tooDeep(let depth):
            "the evaluation went deeper than \(depth) without an answer; allow more, or look for a cycle"
        case .tooOld(let oldest):
            "the node keeps no history of that any more; the oldest revision that it has is \(oldest)"
        case .notYet(let newest):
            "that is in the future; the newest revision is \(newest)"
        case .damagedBlock(let error):
            "the snapshot block is damaged: \(error)"
        }
    }
}
