// Pemba: why the graph refuses something.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Why the graph refuses a tuple, a check, a filter, a schema or a block; each case maps to one code of the registry.
package enum GraphError: Error, Equatable, Sendable {
    /// No schema has been set yet.
    case noSchema
    /// The schema has no definition of that name.
    case unknownDefinition(String)
    /// The definition has no relation or permission of that name.
    case unknownRelation(definition: String, relation: String)
    /// The name is a permission, which is computed and holds no tuples.
    case cannotWritePermission(definition: String, permission: String)
    /// The relation does not admit the subject; it admits those listed, in the order of the schema.
    case subjectNotAllowed(RelationTuple, admitted: [String])
    /// A field breaks a rule; the sentence says which.
    case invalidArgument(String)
    /// The new schema would not admit this stored tuple.
    case wouldOrphan(RelationTuple, reason: String)
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
        case .cannotWritePermission(let definition, let permission):
            "`\(permission)` of `\(definition)` is a permission: it is computed and holds no relationships"
        case .subjectNotAllowed(let tuple, let admitted):
            "`\(tuple)` is not admitted: `\(tuple.relation)` of `\(tuple.resource.type)` takes "
                + admitted.map { "`\($0)`" }.joined(separator: ", ")
        case .invalidArgument(let sentence):
            sentence
        case .wouldOrphan(let tuple, let reason):
            "the schema would orphan the stored relationship `\(tuple)`: \(reason)"
        case .damagedBlock(let error):
            "the snapshot block is damaged: \(error)"
        }
    }
}
