// Pemba: filters as they stand in the log.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension RelationshipFilter {
    /// Which fields follow, by bit.
    private struct Fields: OptionSet {
        let rawValue: UInt8
        static let resourceType = Fields(rawValue: 1)
        static let resourceID = Fields(rawValue: 2)
        static let resourceIDPrefix = Fields(rawValue: 4)
        static let relation = Fields(rawValue: 8)
        static let subjectType = Fields(rawValue: 16)
        static let subjectID = Fields(rawValue: 32)
        static let noSubjectRelation = Fields(rawValue: 64)
        static let subjectRelation = Fields(rawValue: 128)
    }

    /// Appends a byte of flags and the strings that are set, in the order of the flags.
    func encode(into writer: inout ByteWriter) {
        var fields: Fields = []
        var strings: [String] = []
        func add(_ value: String?, _ field: Fields) {
            guard let value else { return }
            fields.insert(field)
            strings.append(value)
        }
        add(resourceType, .resourceType)
        add(resourceID, .resourceID)
        add(resourceIDPrefix, .resourceIDPrefix)
        add(relation, .relation)
        add(subjectType, .subjectType)
        add(subjectID, .subjectID)
        switch subjectRelation {
        case .any: break
        case .none: fields.insert(.noSubjectRelation)
        case .named(let name): add(name, .subjectRelation)
        }
        writer.integer(fields.rawValue)
        for string in strings { writer.string(string) }
    }

    /// Reads what `encode` writes.
    init(reading reader: inout ByteReader) throws(ByteError) {
        let fields = Fields(rawValue: try reader.integer())
        guard !fields.isSuperset(of: [.noSubjectRelation, .subjectRelation]) else {
            throw .invalidValue(field: "filter fields", value: UInt64(fields.rawValue))
        }
        self.init()
        if fields.contains(.resourceType) { resourceType = try reader.string(limit: Limits.definitionNameBytes) }
        if fields.contains(.resourceID) { resourceID = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.resourceIDPrefix) { resourceIDPrefix = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.relation) { relation = try reader.string(limit: Limits.relationNameBytes) }
        if fields.contains(.subjectType) { subjectType = try reader.string(limit: Limits.definitionNameBytes) }
        if fields.contains(.subjectID) { subjectID = try reader.string(limit: Limits.objectIDBytes) }
        if fields.contains(.noSubjectRelation) { subjectRelation = .none }
        if fields.contains(.subjectRelation) {
            subjectRelation = .named(try reader.string(limit: Limits.relationNameBytes))
        }
    }
}
