// Pemba: how far a watch has come.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// How much of a watch was printed, and after which revision it goes on.
package struct WatchProgress {
    private var tuples = 0
    private var changes = 0
    /// Everything up to there was printed.
    private var last: Zookie?

    package init() {}

    /// Takes note of what was printed.
    package mutating func note(_ event: WatchEvent) {
        switch event {
        case .tuples(let list): tuples += list.count
        case .changes(let zookie, _, let list, _, let isLast):
            changes += list.count
            // Of a revision that came in parts a watch that goes on after it would leave out the rest.
            if isLast { last = zookie }
        case .schema(let zookie, _):
            changes += 1
            last = zookie
        case .checkpoint(let zookie): last = zookie
        }
    }

    /// What was printed and how to go on, for people.
    package var advice: String {
        let printed = (tuples > 0 ? "\(tuples) relationships and " : "") + "\(changes) changes were printed"
        guard let last else { return "\(printed), and no revision as a whole: the same command begins anew" }
        return "\(printed); go on with --since \(last)"
    }
}
