// Pemba: the checks that a load asks.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaTooling

/// Checks and the answers that they must get, made beforehand so that asking costs little.
struct Questions: Sendable {
    /// The checks; their number is a power of two.
    let items: [CheckItem]
    /// The same, encoded: what is asked again and again is encoded once.
    let prepared: [PreparedCheck]
    /// Whether the subject has the permission, for each.
    let expected: [Bool]

    /// How many different checks a load asks in turn: what they touch is more than a core's own caches hold.
    private static let count = 1 << 14

    /// `count` checks as `make` says; a power of two.
    init(count: Int = Questions.count, _ make: (Int) -> (item: CheckItem, expected: Bool)) {
        precondition(count.nonzeroBitCount == 1, "the number of questions is a power of two")
        let made = (0..<count).map(make)
        items = made.map(\.item)
        prepared = items.map(PreparedCheck.init)
        expected = made.map(\.expected)
    }

    /// Checks that one look-up answers.
    static func direct(_ data: BenchmarkData) -> Questions {
        Questions { number in
            let check = data.directCheck(number)
            return (question(check.document, "owner", check.user), check.expected)
        }
    }

    /// Checks through five folders and three groups.
    static func nested(_ data: BenchmarkData) -> Questions {
        Questions { number in
            let check = data.nestedCheck(number)
            return (question(check.document, "view", check.user), check.expected)
        }
    }

    /// Checks that visit nearly a million objects each.
    static let flood = Questions(count: 16) { number in (FloodData.check(number), FloodData.expected) }

    private static func question(_ document: String, _ permission: String, _ user: String) -> CheckItem {
        CheckItem(
            resource: ObjectReference(type: "document", id: document),
            permission: permission,
            subject: SubjectReference(type: "user", id: user)
        )
    }
}
