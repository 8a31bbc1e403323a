// Pemba: what simulated clients write and ask.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// Draws requests over few objects, so that they meet.
enum Workload {
    /// The schema of most of the time; `document.editor` comes and goes.
    static func schema(withEditors: Bool) -> String {
        """
        use expiration
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition folder {
            relation parent: folder
            relation viewer: user | user with expiration | user:* | group#member
            relation banned: user
            permission view = (viewer + parent->view) - banned
        }
        definition document {
            relation folder: folder
            relation viewer: user | user with expiration | group#member
        \(withEditors ? "    relation editor: user" : "")
            permission view = viewer + folder->view\(withEditors ? " + editor" : "")
            permission shared = viewer & folder->view
        }
        """
    }

    /// A schema that does not compile.
    static let brokenSchema = "definition document { permission view = nowhere }"

    private static func user(_ random: inout SeededRandom) -> SubjectReference {
        SubjectReference(type: "user", id: "u\(random.below(4))")
    }

    private static func group(_ random: inout SeededRandom) -> ObjectReference {
        ObjectReference(type: "group", id: "g\(random.below(3))")
    }

    private static func folder(_ random: inout SeededRandom) -> ObjectReference {
        ObjectReference(type: "folder", id: "f\(random.below(4))")
    }

    private static func document(_ random: inout SeededRandom) -> ObjectReference {
        ObjectReference(type: "document", id: "d\(random.below(5))")
    }

    private static func members(_ random: inout SeededRandom) -> SubjectReference {
        SubjectReference(object: group(&random), relation: "member")
    }

    /// A tuple; now and then one that the schema does not admit.
    static func tuple(_ random: inout SeededRandom) -> RelationTuple {
        func make(_ resource: ObjectReference, _ relation: String, _ subject: SubjectReference) -> RelationTuple {
            RelationTuple(resource: resource, relation: relation, subject: subject)
        }
        switch random.below(16) {
        case 0, 1: return make(group(&random), "member", user(&random))
        case 2: return make(group(&random), "member", members(&random))
        case 3, 4: return make(folder(&random), "parent", SubjectReference(object: folder(&random)))
        case 5, 6: return make(folder(&random), "viewer", user(&random))
        case 7: return make(folder(&random), "viewer", members(&random))
        case 8: return make(folder(&random), "viewer", SubjectReference(type: "user", id: "*"))
        case 9: return make(folder(&random), "banned", user(&random))
        case 10, 11: return make(document(&random), "folder", SubjectReference(object: folder(&random)))
        case 12: return make(document(&random), "viewer", user(&random))
        case 13: return make(document(&random), "viewer", members(&random))
        case 14: return make(document(&random), "editor", user(&random))
        default:
            switch random.below(4) {
            case 0: return make(document(&random), "view", user(&random))
            case 1: return make(folder(&random), "parent", user(&random))
            case 2: return make(document(&random), "nothing", user(&random))
            default: return make(ObjectReference(type: "planet", id: "p"), "viewer", user(&random))
            }
        }
    }

    /// Updates of one write; seldom two of one tuple, and some of tuples that end soon after `time`, or have ended.
    static func updates(_ random: inout SeededRandom, at time: Timestamp) -> [TupleUpdate] {
        (0...random.below(3)).map { _ in
            let operation: TupleUpdate.Operation = [.create, .touch, .touch, .delete, .delete][random.below(5)]
            var tuple = tuple(&random)
            if tuple.relation == "viewer", operation != .delete, random.chance(1, in: 2) {
                let end = time.nanoseconds - 500_000_000 + Int64(random.below(UInt64(5_000_000_000)))
                tuple.expiresAt = Timestamp(nanoseconds: end)
                if random.chance(1, in: 4) { tuple.notBefore = Timestamp(nanoseconds: end - 1_000_000_000) }
            }
            return TupleUpdate(operation, tuple)
        }
    }

    /// A precondition that may or may not hold.
    static func precondition(_ random: inout SeededRandom) -> Precondition {
        let tuple = tuple(&random)
        var filter = RelationshipFilter(resourceType: "document")
        switch random.below(3) {
        case 0: filter = RelationshipFilter(resourceType: "folder", resourceID: folder(&random).id)
        case 1: filter = RelationshipFilter(resourceType: "group", subjectID: tuple.subject.object.id)
        default: filter.resourceIDPrefix = "d"
        }
        return Precondition(random.chance(1, in: 2) ? .mustMatch : .mustNotMatch, filter)
    }

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

    /// Whether a write is such a change.
    static func isRegister(_ request: WriteRequest) -> Bool { registerChange(request) != nil }

    /// Which register a write changes, and from and to which value; nil: it is no such change.
    static func registerChange(_ request: WriteRequest) -> (register: String, from: Int, to: Int)? {
        guard let register = request.updates.first?.tuple.resource.id, register.hasPrefix("register") else {
            return nil
        }
        func value(_ id: String?) -> Int { id.flatMap { Int($0.dropFirst("value".count)) } ?? 0 }
        let touched = request.updates.first { $0.operation == .touch }
        let old = request.preconditions.first?.filter.subjectID
        return (register, value(old), value(touched?.tuple.subject.object.id))
    }

    /// A write with a number that is found again in the log: a precondition on an object that is never written.
    static func write(tag: UInt64, updates: [TupleUpdate], preconditions: [Precondition]) -> WriteRequest {
        let filter = RelationshipFilter(resourceType: "document", resourceID: ReferenceState.tagPrefix + String(tag))
        return WriteRequest(updates: updates, preconditions: preconditions + [Precondition(.mustNotMatch, filter)])
    }

    /// A question.
    static func check(_ random: inout SeededRandom) -> CheckItem {
        let subject = random.chance(1, in: 6) ? members(&random) : user(&random)
        switch random.below(8) {
        case 0: return CheckItem(resource: group(&random), permission: "member", subject: subject)
        case 1: return CheckItem(resource: folder(&random), permission: "viewer", subject: subject)
        case 2, 3: return CheckItem(resource: folder(&random), permission: "view", subject: subject)
        case 4: return CheckItem(resource: document(&random), permission: "shared", subject: subject)
        case 5: return CheckItem(resource: document(&random), permission: "editor", subject: subject)
        default: return CheckItem(resource: document(&random), permission: "view", subject: subject)
        }
    }
}
