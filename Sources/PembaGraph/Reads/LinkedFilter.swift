// Pemba: a filter in the graph's numbers.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// A filter whose names and ids are looked up once.
struct LinkedFilter {
    let filter: RelationshipFilter
    /// The number of the resource's type; 0 for any.
    private(set) var resourceType: UInt32 = 0
    /// The number of the relation in the resource's type; 0 for any, or if the type is not given.
    private(set) var relation: UInt32 = 0
    private(set) var subjectType: UInt32 = 0
    /// The number of the subject relation in the subject's type; 0 for any, none, or if the type is not given.
    private(set) var subjectRelation: UInt32 = 0
    /// The objects that the resource may be, if its id is given: one, or one of each type that has the id.
    private(set) var resources: [UInt32]?
    /// The objects that the subject may be, if its id is given.
    private(set) var subjects: [UInt32]?

    /// Looks a filter up; nil if it names what does not exist, so that it means no tuple.
    init?(_ filter: RelationshipFilter, _ linked: LinkedSchema, _ entities: EntityStore) {
        self.filter = filter
        if let name = filter.resourceType {
            resourceType = linked.names.find(name, scope: 0)
            if resourceType == 0 { return nil }
            if let name = filter.relation {
                relation = linked.names.find(name, scope: resourceType)
                if relation == 0 { return nil }
            }
        }
        if let name = filter.subjectType {
            subjectType = linked.names.find(name, scope: 0)
            if subjectType == 0 { return nil }
            if case .named(let name) = filter.subjectRelation {
                subjectRelation = linked.names.find(name, scope: subjectType)
                if subjectRelation == 0 { return nil }
            }
        }
        if let id = filter.resourceID {
            resources = LinkedFilter.find(resourceType, id, linked, entities)
            if resources == [] { return nil }
        }
        if let id = filter.subjectID {
            subjects = LinkedFilter.find(subjectType, id, linked, entities)
            if subjects == [] { return nil }
        }
    }

    /// The objects of a type, or of any if it is 0, with an id.
    private static func find(
        _ type: UInt32,
        _ id: String,
        _ linked: LinkedSchema,
        _ entities: EntityStore
    ) -> [UInt32] {
        var copy = id
        return copy.withUTF8 { utf8 in
            let id = UnsafeRawBufferPointer(utf8)
            let types = type != 0 ? type..<type + 1 : 1..<UInt32(max(linked.types.count, 1))
            return types.map { entities.find(type: $0, id: id) }.filter { $0 != EntityNumber.none }
        }
    }

    /// Whether it names rows, so that no others need be looked at.
    var namesRows: Bool { resources != nil || subjects != nil }

    /// Whether a stored tuple is meant.
    func matches(_ end: TupleEnd, _ reader: StateReader) -> Bool {
        matchesResource(end, reader) && matchesSubject(end, reader) && reader.isVisible(end)
    }

    private func matchesResource(_ end: TupleEnd, _ reader: StateReader) -> Bool {
        if let resources {
            if !resources.contains(end.resource) { return false }
        } else {
            let type = UInt32(reader.entities.records[Int(end.resource)].type)
            if resourceType != 0, type != resourceType { return false }
            if let prefix = filter.resourceIDPrefix,
                !reader.entities.id(of: end.resource).starts(with: prefix.utf8)
            {
                return false
            }
        }
        guard let name = filter.relation else { return true }
        let number = RowEntry.relation(end.entry)
        if relation != 0 { return number == relation }
        let type = UInt32(reader.entities.records[Int(end.resource)].type)
        return reader.linked.relationName(type: type, relation: number).hasSameBytes(as: name)
    }

    private func matchesSubject(_ end: TupleEnd, _ reader: StateReader) -> Bool {
        let entity = RowEntry.entity(end.entry)
        let type = UInt32(reader.entities.records[Int(entity)].type)
        if let subjects {
            if !subjects.contains(entity) { return false }
        } else if subjectType != 0, type != subjectType {
            return false
        }
        let number = RowEntry.subjectRelation(end.entry)
        switch filter.subjectRelation {
        case .any: return true
        case .none: return number == 0
        case .named(let name):
            if subjectRelation != 0 || number == 0 { return number != 0 && number == subjectRelation }
            return reader.linked.relationName(type: type, relation: number).hasSameBytes(as: name)
        }
    }
}

/// The first tuples in the order of reads out of many that come in any order: a heap with the last of them on top.
struct FirstTuples {
    private let limit: Int
    private var heap: [TupleEnd] = []

    init(limit: Int) { self.limit = limit }

    /// Takes a tuple in, unless there are enough that come before it.
    mutating func offer(_ end: TupleEnd, _ reader: StateReader) {
        if heap.count < limit {
            heap.append(end)
            rise(reader)
        } else if reader.precedes(end, heap[0]) {
            heap[0] = end
            sink(reader)
        }
    }

    private mutating func rise(_ reader: StateReader) {
        var place = heap.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard reader.precedes(heap[parent], heap[place]) else { return }
            heap.swapAt(parent, place)
            place = parent
        }
    }

    private mutating func sink(_ reader: StateReader) {
        var place = 0
        while true {
            var largest = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if reader.precedes(heap[largest], heap[child]) { largest = child }
            }
            if largest == place { return }
            heap.swapAt(largest, place)
            place = largest
        }
    }

    /// The tuples in order.
    func sorted(_ reader: StateReader) -> [TupleEnd] { heap.sorted { reader.precedes($0, $1) } }
}
