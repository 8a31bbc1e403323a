// Pemba: the writes of simulated clients beside plain ones, and how each is found again.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

// Writes of many tuples at once; never those of stories and registers, whose ends are known.
extension Workload {
    /// A deletion by filter, of all that is meant or of a part.
    static func deletion(_ random: inout SeededRandom) -> DeleteRequest {
        let filter =
            switch random.below(7) {
            case 0: RelationshipFilter(resourceType: "folder", resourceID: folder(&random).id)
            case 1: RelationshipFilter(resourceType: "document", resourceIDPrefix: "d", relation: "viewer")
            case 2: RelationshipFilter(subjectType: "user", subjectID: user(&random).object.id)
            case 3: RelationshipFilter(resourceType: "group")
            case 4: RelationshipFilter(resourceIDPrefix: "f", relation: "viewer", subjectType: "user")
            case 5: RelationshipFilter(resourceType: "document", resourceID: document(&random).id, relation: "editor")
            default: RelationshipFilter(resourceType: "folder", subjectType: "group")
            }
        let limit = random.chance(1, in: 2) ? 1 + random.below(3) : Limits.tuplesPerDelete
        return DeleteRequest(filter: filter, limit: limit, allowsPartial: random.chance(1, in: 2))
    }

    /// All tuples of one relation of one object; seldom one of them twice.
    static func relation(_ random: inout SeededRandom, at time: Timestamp) -> SetRequest {
        let (resource, relation): (ObjectReference, String) =
            switch random.below(8) {
            case 0, 1: (group(&random), "member")
            case 2, 3, 4: (folder(&random), "viewer")
            case 5: (document(&random), "editor")
            case 6: (document(&random), "view")
            default: (document(&random), "viewer")
            }
        let tuples = (0..<random.below(4)).map { _ in
            var tuple = RelationTuple(resource: resource, relation: relation, subject: user(&random))
            addTraits(to: &tuple, &random, at: time)
            return tuple
        }
        return SetRequest(resource: resource, relation: relation, tuples: tuples)
    }

    /// An import: as it has no preconditions, its first tuple bears its number.
    static func batch(tag: UInt64, _ random: inout SeededRandom, at time: Timestamp) -> ImportRequest {
        let mark = RelationTuple(
            resource: ObjectReference(type: "document", id: tagPrefix + String(tag)),
            relation: "viewer",
            subject: user(&random)
        )
        let tuples = (0..<random.below(8)).map { _ in
            var tuple = tuple(&random)
            addTraits(to: &tuple, &random, at: time)
            return tuple
        }
        return ImportRequest(tuples: [mark] + tuples, mode: [.touch, .skip, .fail][random.below(3)])
    }

    /// The tuples of an import.
    static func tuples(of request: ImportRequest) -> [RelationTuple] {
        var tuples: [RelationTuple] = []
        request.batch.forEachTuple { packed in
            if let tuple = try? packed.unpack() { tuples.append(tuple) }
        }
        return tuples
    }
}

// Registers.
extension Workload {
    /// A change of a register from a value that is guessed to another (Z13): what one subject sees of a document.
    static func compareAndSet(_ random: inout SeededRandom) -> (updates: [TupleUpdate], precondition: Precondition) {
        let register = ObjectReference(type: "document", id: "register\(random.below(2))")
        func value(_ number: Int) -> RelationTuple {
            let subject = SubjectReference(type: "user", id: "value\(number)")
            return RelationTuple(resource: register, relation: "viewer", subject: subject)
        }
        let old = random.below(4)
        let new = old == 0 ? 1 + random.below(3) : random.below(4)
        var filter = RelationshipFilter(resourceType: "document", resourceID: register.id, relation: "viewer")
        // The value 0 is none.
        if old > 0 { filter.subjectID = "value\(old)" }
        var updates = new > 0 ? [TupleUpdate(.touch, value(new))] : []
        if old > 0, old != new { updates.append(TupleUpdate(.delete, value(old))) }
        return (updates, Precondition(old > 0 ? .mustMatch : .mustNotMatch, filter))
    }

    /// Which register a write changes, and from and to which value; nil: it is no such change.
    static func registerChange(_ command: ClientCommand) -> (register: String, from: Int, to: Int)? {
        guard case .write(let request) = command, let register = request.updates.first?.tuple.resource.id,
            register.hasPrefix("register")
        else { return nil }
        func value(_ id: String?) -> Int { id.flatMap { Int($0.dropFirst("value".count)) } ?? 0 }
        let touched = request.updates.first { $0.operation == .touch }
        let old = request.preconditions.first?.filter.subjectID
        return (register, value(old), value(touched?.tuple.subject.object.id))
    }
}

// Tags.
extension Workload {
    /// How the id begins of an object that bears the number of a write.
    private static let tagPrefix = "tag-"

    /// The precondition by which a write is found in the log: on an object that bears its number.
    static func mark(_ tag: UInt64) -> Precondition {
        Precondition(.mustNotMatch, RelationshipFilter(resourceType: "document", resourceID: tagPrefix + String(tag)))
    }

    /// What watchers are told with a write.
    static func metadata(_ tag: UInt64) -> ContextObject { ContextObject([("write", .int(Int64(tag)))]) }

    /// What watchers are told with a command, if it changes something.
    static func metadata(of command: ClientCommand) -> ContextObject {
        switch command {
        case .write(let request): request.metadata
        case .delete(let request): request.metadata
        case .set(let request): request.metadata
        case .importTuples, .openSession, .writeSchema, .advanceTime, .audit: .empty
        }
    }

    /// The number of a write.
    static func tag(of command: ClientCommand) -> UInt64? {
        let preconditions: [Precondition]
        switch command {
        case .write(let request): preconditions = request.preconditions
        case .delete(let request): preconditions = request.preconditions
        case .set(let request): preconditions = request.preconditions
        case .importTuples(let request): return tuples(of: request).lazy.compactMap { tag(of: $0.resource.id) }.first
        case .openSession, .writeSchema, .advanceTime, .audit: return nil
        }
        return preconditions.lazy.compactMap { tag(of: $0.filter.resourceID) }.first
    }

    private static func tag(of id: String?) -> UInt64? {
        guard let id, id.hasPrefix(tagPrefix) else { return nil }
        return UInt64(id.dropFirst(tagPrefix.count))
    }
}
