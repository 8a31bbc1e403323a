// Pemba: one difference between two schemas.
// SPDX-License-Identifier: Apache-2.0

/// One difference between two schemas.
///
/// What is inside something added or removed is not listed again. A relation that became a permission was removed,
/// because what it held is gone.
package enum SchemaChange: Sendable, Equatable {
    /// Another rule for the ids of relationships.
    case idRuleChanged(to: IDRule)
    /// A definition that only the new schema has.
    case definitionAdded(String)
    /// A definition that only the old schema has.
    case definitionRemoved(String)
    /// Other comments before a definition.
    case definitionDocumentationChanged(String)
    /// A relation that only the new schema has.
    case relationAdded(definition: String, relation: String)
    /// A relation that only the old schema has.
    case relationRemoved(definition: String, relation: String)
    /// A kind of subject that only the new schema admits, as it writes it.
    case subjectAdded(definition: String, relation: String, subject: String)
    /// A kind of subject that only the old schema admits, as it wrote it.
    case subjectRemoved(definition: String, relation: String, subject: String)
    /// Other comments before a relation.
    case relationDocumentationChanged(definition: String, relation: String)
    /// A permission that only the new schema has.
    case permissionAdded(definition: String, permission: String)
    /// A permission that only the old schema has.
    case permissionRemoved(definition: String, permission: String)
    /// Another expression of a permission.
    case permissionChanged(definition: String, permission: String, from: String, to: String)
    /// Another annotation of a permission's types.
    case permissionTypesChanged(definition: String, permission: String)
    /// Other comments before a permission.
    case permissionDocumentationChanged(definition: String, permission: String)
    /// A caveat that only the new schema has.
    case caveatAdded(String)
    /// A caveat that only the old schema has.
    case caveatRemoved(String)
    /// A parameter that only the new schema has.
    case parameterAdded(caveat: String, parameter: String)
    /// A parameter that only the old schema has.
    case parameterRemoved(caveat: String, parameter: String)
    /// Another type of a parameter.
    case parameterTypeChanged(caveat: String, parameter: String, from: String, to: String)
    /// Another condition of a caveat.
    case conditionChanged(String)
    /// Other comments before a caveat.
    case caveatDocumentationChanged(String)
}

extension SchemaChange: CustomStringConvertible {
    /// The change on one line, for people.
    package var description: String {
        switch self {
        case .idRuleChanged(to: .any): "ids: any"
        case .idRuleChanged(to: .spiceDB): "ids: SpiceDB's alone"
        case .definitionAdded(let name): "definition `\(name)` added"
        case .definitionRemoved(let name): "definition `\(name)` removed"
        case .definitionDocumentationChanged(let name): "definition `\(name)`: comments changed"
        case .relationAdded(let definition, let name): "relation `\(definition)#\(name)` added"
        case .relationRemoved(let definition, let name): "relation `\(definition)#\(name)` removed"
        case .subjectAdded(let definition, let name, let subject):
            "relation `\(definition)#\(name)`: `\(subject)` added"
        case .subjectRemoved(let definition, let name, let subject):
            "relation `\(definition)#\(name)`: `\(subject)` removed"
        case .relationDocumentationChanged(let definition, let name):
            "relation `\(definition)#\(name)`: comments changed"
        case .permissionAdded(let definition, let name): "permission `\(definition)#\(name)` added"
        case .permissionRemoved(let definition, let name): "permission `\(definition)#\(name)` removed"
        case .permissionChanged(let definition, let name, let old, let new):
            "permission `\(definition)#\(name)`: `\(old)` became `\(new)`"
        case .permissionTypesChanged(let definition, let name):
            "permission `\(definition)#\(name)`: annotated types changed"
        case .permissionDocumentationChanged(let definition, let name):
            "permission `\(definition)#\(name)`: comments changed"
        case .caveatAdded(let name): "caveat `\(name)` added"
        case .caveatRemoved(let name): "caveat `\(name)` removed"
        case .parameterAdded(let caveat, let name): "caveat `\(caveat)`: parameter `\(name)` added"
        case .parameterRemoved(let caveat, let name): "caveat `\(caveat)`: parameter `\(name)` removed"
        case .parameterTypeChanged(let caveat, let name, let old, let new):
            "caveat `\(caveat)`: parameter `\(name)` was `\(old)` and is `\(new)`"
        case .conditionChanged(let name): "caveat `\(name)`: condition changed"
        case .caveatDocumentationChanged(let name): "caveat `\(name)`: comments changed"
        }
    }
}
