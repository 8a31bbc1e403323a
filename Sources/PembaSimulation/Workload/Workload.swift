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
        caveat \(caveat)(tier int, limit int) {
            tier <= limit
        }
        definition user {}
        definition group {
            relation member: user | group#member
        }
        definition folder {
            relation parent: folder
            relation viewer: user | user with expiration | user with \(caveat) | user with \(caveat) and expiration \
        | user:* | group#member
            relation banned: user
            permission view = (viewer + parent->view) - banned
        }
        definition document {
            relation folder: folder
            relation viewer: user | user with expiration | user with \(caveat) | group#member
        \(withEditors ? "    relation editor: user" : "")
            permission view = viewer + folder->view\(withEditors ? " + editor" : "")
            permission shared = viewer & folder->view
        }
        """
    }

    /// A schema that does not compile.
    static let brokenSchema = "definition document { permission view = nowhere }"

    static func user(_ random: inout SeededRandom) -> SubjectReference {
        SubjectReference(type: "user", id: "u\(random.below(4))")
    }

    static func group(_ random: inout SeededRandom) -> ObjectReference {
        ObjectReference(type: "group", id: "g\(random.below(3))")
    }

    static func folder(_ random: inout SeededRandom) -> ObjectReference {
        ObjectReference(type: "folder", id: "f\(random.below(4))")
    }

    static func document(_ random: inout SeededRandom) -> ObjectReference {
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

    /// Updates of one write; seldom two of one tuple, and some of tuples that depend on a caveat or end soon after `time`, or have ended.
    static func updates(_ random: inout SeededRandom, at time: Timestamp) -> [TupleUpdate] {
        (0...random.below(3)).map { _ in
            let operation: TupleUpdate.Operation = [.create, .touch, .touch, .delete, .delete][random.below(5)]
            var tuple = tuple(&random)
            if operation != .delete { addTraits(to: &tuple, &random, at: time) }
            return TupleUpdate(operation, tuple)
        }
    }

    /// Gives a viewer a caveat, or times that begin and end soon after `time`; seldom one who may have none.
    static func addTraits(to tuple: inout RelationTuple, _ random: inout SeededRandom, at time: Timestamp) {
        let isSingle = tuple.subject.relation == nil && !tuple.subject.isWildcard
        guard tuple.relation == "viewer", isSingle || random.chance(1, in: 8) else { return }
        if random.chance(1, in: 3) { tuple.caveat = condition(&random) }
        guard random.chance(1, in: 2) else { return }
        let end = time.nanoseconds - 500_000_000 + Int64(random.below(UInt64(5_000_000_000)))
        tuple.expiresAt = Timestamp(nanoseconds: end)
        if random.chance(1, in: 4) { tuple.notBefore = Timestamp(nanoseconds: end - 1_000_000_000) }
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

    /// A question, with what caveats ask for or without.
    static func check(_ random: inout SeededRandom) -> CheckItem {
        let subject = random.chance(1, in: 6) ? members(&random) : user(&random)
        let (resource, permission): (ObjectReference, String) =
            switch random.below(8) {
            case 0: (group(&random), "member")
            case 1: (folder(&random), "viewer")
            case 2, 3: (folder(&random), "view")
            case 4: (document(&random), "shared")
            case 5: (document(&random), "editor")
            default: (document(&random), "view")
            }
        return CheckItem(resource: resource, permission: permission, subject: subject, context: context(&random))
    }
}
