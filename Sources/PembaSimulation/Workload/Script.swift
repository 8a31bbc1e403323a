// Pemba: stories whose end is known, whatever else happens.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// One step of a story; a story goes on only when its step was certainly done.
enum ScriptStep {
    /// How fresh a check of a story must be.
    enum Freshness {
        /// At least the newest zookie of this client: that of the step before, or of any later.
        case newest
        /// Fully consistent.
        case full
    }

    /// A write.
    case write([TupleUpdate])
    /// A check, and its right answer.
    case check(CheckItem, Freshness, expected: Bool)
}

/// The stories of clients, over objects of their own; one client may begin a story and another go on with it.
enum Script {
    /// The new enemy problem (Zanzibar paper, section 2.2; Z5, Z6 and Z8 of the reliability reference).
    static func draw(client: Int, number: Int, _ random: inout SeededRandom) -> [ScriptStep] {
        // Whoever goes on with a story may still be at it when this client begins the next.
        let folder = ObjectReference(type: "folder", id: "story\(client)-\(number)")
        let document = ObjectReference(type: "document", id: "story\(client)-\(number)")
        let bob = SubjectReference(type: "user", id: "bob\(client)")
        let eve = SubjectReference(type: "user", id: "eve\(client)")
        func tuple(_ object: ObjectReference, _ relation: String, _ subject: SubjectReference) -> RelationTuple {
            RelationTuple(resource: object, relation: relation, subject: subject)
        }
        func view(_ subject: SubjectReference, _ freshness: ScriptStep.Freshness, _ expected: Bool) -> ScriptStep {
            .check(CheckItem(resource: document, permission: "view", subject: subject), freshness, expected: expected)
        }
        let contained = tuple(document, "folder", SubjectReference(object: folder))
        let sees = tuple(folder, "viewer", bob)
        let sawElse = tuple(folder, "viewer", eve)
        let begin = ScriptStep.write([
            TupleUpdate(.touch, sees), TupleUpdate(.touch, sawElse), TupleUpdate(.delete, contained),
            TupleUpdate(.delete, tuple(folder, "banned", bob)),
        ])
        let fresh: ScriptStep.Freshness = random.chance(1, in: 3) ? .full : .newest
        switch random.below(3) {
        case 0:
            // The order of access changes: bob loses the folder before the document gets into it.
            return [
                begin, .write([TupleUpdate(.delete, sees)]), .write([TupleUpdate(.touch, contained)]),
                view(bob, fresh, false), view(bob, .newest, false), view(eve, .newest, true),
            ]
        case 1:
            // Old access for new content: the check of a change of content comes after bob has lost access.
            return [
                begin, .write([TupleUpdate(.touch, contained)]), view(bob, .newest, true),
                .write([TupleUpdate(.delete, sees)]), view(eve, .full, true), view(bob, .newest, false),
                view(bob, fresh, false),
            ]
        default:
            // An exclusion that was written before what it excludes.
            return [
                .write([TupleUpdate(.delete, sees), TupleUpdate(.touch, contained)]),
                .write([TupleUpdate(.touch, tuple(folder, "banned", bob))]), .write([TupleUpdate(.touch, sees)]),
                view(bob, fresh, false), .write([TupleUpdate(.delete, tuple(folder, "banned", bob))]),
                view(bob, .newest, true),
            ]
        }
    }
}
