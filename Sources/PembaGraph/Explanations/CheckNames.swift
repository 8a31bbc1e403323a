// Pemba: the names of what a check is about.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// Names entities, sub-problems and tuples of one check, those without tuples included.
struct CheckNames {
    let reader: StateReader
    let item: CheckItem

    /// An object.
    func object(_ entity: UInt32) -> ObjectReference {
        switch entity {
        case EntityNumber.unknownResource: return item.resource
        case EntityNumber.none: return item.subject.object
        default:
            return ObjectReference(
                type: reader.linked.types[Int(reader.entities.records[Int(entity)].type)].name,
                id: String(decoding: reader.entities.id(of: entity), as: UTF8.self)
            )
        }
    }

    /// A relation or permission.
    func permission(_ node: UInt32) -> String {
        let linked = reader.linked.nodes[Int(node)]
        return reader.linked.relationName(type: UInt32(linked.type), relation: linked.number)
    }

    /// A sub-problem, as `type:id#permission`.
    func problem(_ entity: UInt32, _ node: UInt32) -> String { "\(object(entity))#\(permission(node))" }
}
