// Pemba: tuples and contexts for programs.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import PembaService

/// One tuple of `relationship read` and of everything else that prints tuples.
package struct TupleReport: Encodable {
    private struct Caveat: Encodable {
        let name: String
        let context: ContextReport?
    }

    private let resourceType: String
    private let resourceID: String
    private let relation: String
    private let subjectType: String
    private let subjectID: String
    private let subjectRelation: String?
    private let caveat: Caveat?
    private let expiresAt: String?
    private let notBefore: String?

    package init(_ tuple: RelationTuple) {
        resourceType = tuple.resource.type
        resourceID = tuple.resource.id
        relation = tuple.relation
        subjectType = tuple.subject.object.type
        subjectID = tuple.subject.object.id
        subjectRelation = tuple.subject.relation
        caveat = tuple.caveat.map { caveat in
            Caveat(name: caveat.name, context: caveat.context.isEmpty ? nil : ContextReport(caveat.context))
        }
        expiresAt = tuple.expiresAt?.rfc3339
        notBefore = tuple.notBefore?.rfc3339
    }
}

/// A context as the JSON object that it is.
package struct ContextReport: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Value: Encodable {
        let value: ContextValue

        func encode(to encoder: any Encoder) throws {
            switch value {
            case .object(let object): return try ContextReport(object).encode(to: encoder)
            case .list(let values):
                var container = encoder.unkeyedContainer()
                for value in values { try container.encode(Value(value: value)) }
                return
            default: break
            }
            var container = encoder.singleValueContainer()
            switch value {
            case .bool(let value): try container.encode(value)
            case .int(let value): try container.encode(value)
            case .double(let value): try container.encode(value)
            case .string(let value): try container.encode(value)
            case .null, .list, .object: try container.encodeNil()
            }
        }
    }

    private let object: ContextObject

    package init(_ object: ContextObject) { self.object = object }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for entry in object.entries {
            try container.encode(Value(value: entry.value), forKey: Key(stringValue: entry.key))
        }
    }
}
