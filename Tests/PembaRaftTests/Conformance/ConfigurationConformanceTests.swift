// Pemba: the published cases of configuration changes.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// etcd's files of configuration changes, unchanged: 58 cases whose output is compared byte by byte.
struct ConfigurationConformanceTests {
    @Test(.enabled(if: Conformance.isAvailable, "the conformance data is not there"))
    func publishedCasesHold() throws {
        var counts: [String: Int] = [:]
        for file in Conformance.files(in: "etcd-raft/confchange/testdata", suffix: ".txt") {
            var run = MembershipRun()
            for item in DataDrivenCase.parse(try String(contentsOf: file, encoding: .utf8)) {
                counts[item.command, default: 0] += 1
                #expect(run.output(of: item) == item.expected, "\(file.lastPathComponent):\(item.line)")
            }
        }
        #expect(counts == ["simple": 39, "enter-joint": 11, "leave-joint": 8])
    }

    /// One change after the other leads where all of them lead in one joint configuration that is left.
    @Test func simpleChangesAreEqualToOneJointChange() throws {
        var entered = 0
        for seed in Seeds(short: 1_000, full: 50_000) {
            var random = SeededRandom(seed: seed)
            // Node 1 votes throughout, so that no change can leave the cluster without voters.
            func changes(_ count: Int) -> [MemberChange] {
                (0..<count).map { _ in
                    let node = NodeID(2 + random.below(UInt64(9)))
                    return [.voter(node), .learner(node), .removal(node)][random.below(3)]
                }
            }
            var start = MembershipRun()
            try start.apply { current throws(ConfigurationChangeError) in try current.changed([.voter(NodeID(1))]) }
            try start.applySimply(changes(random.below(8)))
            let steps = changes(1 + random.below(8))
            var simple = start
            try simple.applySimply(steps)
            var joint = start
            try joint.apply { current throws(ConfigurationChangeError) in
                try current.enteringJoint(steps, autoLeave: random.chance(1, in: 2))
            }
            entered += joint.configuration.nextLearners.isEmpty ? 0 : 1
            try joint.apply { current throws(ConfigurationChangeError) in try current.leavingJoint() }
            #expect(
                simple.configuration == joint.configuration && simple.description == joint.description,
                "\(Seeds.replay(seed, "ConfigurationConformanceTests"))"
            )
        }
        #expect(entered > 0)
    }

    /// Whatever changes lead to comes back from its bytes.
    @Test func reachedConfigurationsSurviveTheirEncoding() throws {
        for seed in Seeds(short: 1_000, full: 50_000) {
            var random = SeededRandom(seed: seed)
            var configuration = RaftConfiguration(voters: [NodeID(1)])
            for _ in 0..<(1 + random.below(4)) {
                let steps = (0..<random.below(6)).map { _ -> MemberChange in
                    let node = NodeID(2 + random.below(UInt64(9)))
                    return [.voter(node), .learner(node), .removal(node)][random.below(3)]
                }
                configuration =
                    configuration.isJoint
                    ? try configuration.leavingJoint()
                    : try configuration.enteringJoint(steps, autoLeave: random.chance(1, in: 2))
                #expect(
                    try RaftConfiguration(payload: configuration.encoded) == configuration,
                    "\(Seeds.replay(seed, "ConfigurationConformanceTests"))"
                )
            }
        }
    }
}

/// A configuration with what a leader knows of its members, as the files print them.
private struct MembershipRun: CustomStringConvertible {
    var configuration = RaftConfiguration(voters: [])
    var progress: [PeerProgress] = []
    var lastIndex: UInt64 = 0

    mutating func output(of item: DataDrivenCase) -> String {
        defer { lastIndex += 1 }
        let changes = item.input.flatMap { $0.split(separator: " ") }.compactMap(MembershipRun.change)
        do throws(ConfigurationChangeError) {
            switch item.command {
            case "simple": try apply { current throws(ConfigurationChangeError) in try current.changed(changes) }
            case "enter-joint":
                let autoLeave = item["autoleave"] == ["true"]
                try apply { current throws(ConfigurationChangeError) in
                    try current.enteringJoint(changes, autoLeave: autoLeave)
                }
            default: try apply { current throws(ConfigurationChangeError) in try current.leavingJoint() }
            }
        } catch {
            return MembershipRun.text(of: error, in: item.command)
        }
        return description
    }

    mutating func apply(
        _ next: (RaftConfiguration) throws(ConfigurationChangeError) -> RaftConfiguration
    ) throws(ConfigurationChangeError) {
        configuration = try next(configuration)
        progress.follow(configuration.members, next: LogIndex(max(lastIndex, 1)), now: .zero)
    }

    mutating func applySimply(_ changes: [MemberChange]) throws(ConfigurationChangeError) {
        for change in changes {
            try apply { current throws(ConfigurationChangeError) in try current.changed([change]) }
        }
    }

    /// Node 0 stands for nobody in the files, and an update changes nothing that is of concern here.
    private static func change(_ token: Substring) -> MemberChange? {
        guard let number = UInt64(token.dropFirst()), number > 0 else { return nil }
        switch token.first {
        case "v": return .voter(NodeID(number))
        case "l": return .learner(NodeID(number))
        case "r": return .removal(NodeID(number))
        default: return nil
        }
    }

    var description: String {
        func list(_ nodes: [NodeID]) -> String { "(" + nodes.map { String($0.rawValue) }.joined(separator: " ") + ")" }
        var text = "voters=" + list(configuration.voters)
        if configuration.isJoint { text += "&&" + list(configuration.outgoingVoters) }
        if !configuration.learners.isEmpty { text += " learners=" + list(configuration.learners) }
        if !configuration.nextLearners.isEmpty { text += " learners_next=" + list(configuration.nextLearners) }
        if configuration.autoLeave { text += " autoleave" }
        for peer in progress {
            let learner = configuration.learners.contains(peer.id) ? " learner" : ""
            text +=
                "\n\(peer.id.rawValue): StateProbe match=\(peer.match.rawValue) next=\(peer.next.rawValue)\(learner)"
        }
        return text
    }

    /// The files' words for what we say at greater length.
    private static func text(of error: ConfigurationChangeError, in command: String) -> String {
        switch error {
        case .alreadyJoint where command == "simple": "can't apply simple config change in joint config"
        case .alreadyJoint: "config is already joint"
        case .notJoint: "can't leave a non-joint config"
        case .noVotersToBegin: "can't make a zero-voter config joint"
        case .noVotersLeft: "removed all voters"
        case .tooManyVoters: "more than one voter changed without entering joint config"
        }
    }
}
