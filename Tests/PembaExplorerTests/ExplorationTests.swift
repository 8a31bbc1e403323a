// Pemba: small clusters are right in every state.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaExplorer
import Testing

struct ExplorationTests {
    /// The shipped core, in every state that a small cluster of it can reach.
    @Test(arguments: ExplorationBounds.short.map(\.name))
    func everyStateIsAsItShouldBe(name: String) throws {
        let bounds = try #require(ExplorationBounds.short.first { $0.name == name }).bounds
        var exploration = Exploration(bounds)
        let report = exploration.run()
        switch report.outcome {
        case .complete: #expect(bounds.statesMax == .max)
        case .unfinished: #expect(report.progress.states >= bounds.statesMax)
        case .violation(let text, let trace): Issue.record("\(name): \(text)\n\(trace.joined(separator: "\n"))")
        }
        // An exploration in which nothing happens would be content with anything.
        #expect(report.statesWithLeader > 0)
        #expect(report.statesWithCommit > 0)
        #expect(report.committedMax >= 2 + min(bounds.entries, 1))
        // One voter goes or comes without a joint configuration.
        let exchanged = Set(bounds.goal.map(\.rawValue)).symmetricDifference(1...UInt64(bounds.voters))
        #expect(report.sawJoint == (bounds.reconfigurations > 0 && exchanged.count > 1))
        #expect((report.readsAnswered > 0) == (bounds.reads > 0))
    }

    /// Exchanging nodes that begin alike leads to states that are counted once.
    @Test func theNamesOfNodesMakeNoDifference() {
        func states(voters: Int) -> Int {
            var bounds = ExplorationBounds()
            (bounds.voters, bounds.terms, bounds.entries) = (voters, 1, 0)
            (bounds.usesPreVote, bounds.checksQuorum) = (false, false)
            var exploration = Exploration(bounds)
            return exploration.run().progress.states
        }
        // One node is at rest, or leads and has committed its no-op.
        #expect(states(voters: 1) == 2)
        #expect(states(voters: 2) < states(voters: 3))
    }

    @Test func aBoundOnMemoryEndsAnExplorationUnfinished() {
        var bounds = ExplorationBounds()
        bounds.memoryMax = 1 << 20
        var exploration = Exploration(bounds)
        let report = exploration.run()
        guard case .unfinished = report.outcome else {
            Issue.record("\(report.summary)")
            return
        }
        #expect(report.progress.bytes > bounds.memoryMax)
    }
}
