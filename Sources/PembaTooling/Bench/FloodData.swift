// Pemba: checks that visit a million objects.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore

/// A maze whose checks visit nearly as much as one evaluation may.
///
/// Rooms have doors to others, and permissions each lead one step further, so that every room is visited once for every
/// step. Nobody gets out, so nothing is cut short.
package enum FloodData {
    private static let rooms = 2_000
    private static let doorsPerRoom = 10
    private static let steps = 40

    /// Definitions to add to those of `BenchmarkData`.
    package static let schema: String = {
        var lines = ["definition maze {", "    relation door: maze", "    relation exit: user"]
        for step in 0..<steps { lines.append("    permission walk\(step) = exit + door->walk\(step + 1)") }
        lines += ["    permission walk\(steps) = exit", "}"]
        return lines.joined(separator: "\n") + "\n"
    }()

    /// The tuples.
    package static let tuples: [RelationTuple] = {
        var tuples: [RelationTuple] = []
        for room in 0..<rooms {
            for door in 0..<doorsPerRoom {
                // Distinct doors: each leads into another tenth of the maze.
                let tenth = rooms / doorsPerRoom
                let other = door * tenth + Int(SeededRandom.mix(UInt64(room * doorsPerRoom + door)) % UInt64(tenth))
                let subject = SubjectReference(type: "maze", id: name(other))
                tuples.append(
                    RelationTuple(
                        resource: ObjectReference(type: "maze", id: name(room)),
                        relation: "door",
                        subject: subject
                    )
                )
            }
        }
        // The one way out, in a room of its own that no door leads to.
        let user = SubjectReference(type: "user", id: walker)
        tuples.append(
            RelationTuple(
                resource: ObjectReference(type: "maze", id: "the-sealed-room"),
                relation: "exit",
                subject: user
            )
        )
        return tuples
    }()

    /// What every check is answered with.
    package static let expected = false

    /// Whether the walker gets out from a room.
    package static func check(_ number: Int) -> CheckItem {
        CheckItem(
            resource: ObjectReference(type: "maze", id: name(number % rooms)),
            permission: "walk0",
            subject: SubjectReference(type: "user", id: walker)
        )
    }

    private static let walker = "the-lost-walker-1"

    private static func name(_ room: Int) -> String { "room-\(room)" }
}
