// Pemba: the explorations that are run.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

extension ExplorationBounds {
    /// An exploration and its name.
    package typealias Named = (name: String, bounds: ExplorationBounds)

    /// Those of the tests: each asks for something else, within bounds that seconds exhaust, or looks at
    /// the first million states.
    ///
    /// Most let nodes campaign without asking and lead without a quorum. More can happen so, and nothing about safety rests
    /// on either; `quorum` and `pre-vote` are about them.
    package static var short: [Named] {
        [
            ("two-terms", plain { ($0.terms, $0.entries, $0.crashes) = (2, 1, 1) }),
            ("late-writes", plain { ($0.terms, $0.entries, $0.delaysWrites) = (2, 0, true) }),
            ("late-writes-crash", plain { ($0.terms, $0.entries, $0.crashes, $0.delaysWrites) = (1, 1, 1, true) }),
            ("joint", plain { ($0.terms, $0.entries, $0.crashes) = (2, 0, 1) }.changingMembers),
            ("joint-to-one", plain { ($0.terms, $0.entries) = (2, 0) }.leavingOne),
            ("joint-to-one-crash", plain { ($0.terms, $0.entries, $0.crashes) = (2, 0, 1) }.leavingOne),
            ("two-to-one", plain { ($0.voters, $0.terms, $0.entries, $0.crashes) = (2, 2, 0, 1) }.leavingLast),
            ("heartbeats", plain { ($0.terms, $0.entries, $0.heartbeats) = (1, 0, 1) }),
            (
                "reads",
                plain {
                    ($0.terms, $0.entries, $0.reads) = (2, 0, 1)
                    $0.statesMax = 1_000_000
                }
            ),
            ("joint-reads", plain { ($0.terms, $0.entries, $0.reads, $0.confirmsReads) = (2, 0, 1, false) }.leavingOne),
            ("quorum", plain { ($0.terms, $0.entries, $0.checksQuorum) = (1, 1, true) }),
            ("pre-vote", plain { ($0.terms, $0.entries, $0.usesPreVote) = (1, 0, true) }),
        ]
    }

    /// Those of the long form, which take half an hour or a little more; that of reads looks at the first three million
    /// states.
    package static var long: [Named] {
        [
            ("three-terms", plain { ($0.terms, $0.entries) = (3, 1) }),
            ("three-terms-crash", plain { ($0.terms, $0.entries, $0.crashes) = (3, 0, 1) }),
            ("two-commands", plain { ($0.terms, $0.entries) = (2, 2) }),
            ("one-by-one", plain { ($0.terms, $0.entries, $0.sendsOneByOne) = (3, 0, true) }),
            ("long-late-writes", plain { ($0.terms, $0.entries, $0.crashes, $0.delaysWrites) = (2, 0, 1, true) }),
            ("longer-late-writes", plain { ($0.terms, $0.entries, $0.crashes, $0.delaysWrites) = (2, 1, 1, true) }),
            ("long-joint", plain { ($0.terms, $0.entries, $0.crashes) = (2, 1, 1) }.changingMembers),
            (
                "long-reads",
                plain {
                    ($0.terms, $0.entries, $0.reads) = (2, 1, 1)
                    $0.statesMax = 3_000_000
                }
            ),
            ("as-in-a-cluster", ExplorationBounds()),
        ]
    }

    private static func plain(_ configure: (inout ExplorationBounds) -> Void) -> ExplorationBounds {
        var bounds = ExplorationBounds()
        bounds.usesPreVote = false
        bounds.checksQuorum = false
        configure(&bounds)
        return bounds
    }

    /// Of two voters and a learner, the second voter and the learner exchange their places: a joint change.
    private var changingMembers: ExplorationBounds {
        var bounds = self
        bounds.voters = 2
        bounds.learners = 1
        bounds.reconfigurations = 1
        bounds.goal = [NodeID(1), NodeID(3)]
        return bounds
    }

    /// Of three voters one is to stay: two of the others could decide without it, and it without them, if one half of the
    /// joint configuration were enough.
    private var leavingOne: ExplorationBounds {
        var bounds = self
        bounds.reconfigurations = 1
        bounds.goal = [NodeID(1)]
        return bounds
    }

    /// Of two voters one is to stay, so that a leader may have to remove itself by what the other has.
    private var leavingLast: ExplorationBounds {
        var bounds = self
        bounds.reconfigurations = 1
        bounds.goal = [NodeID(2)]
        return bounds
    }
}
