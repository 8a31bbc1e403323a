// Pemba: the published cases of quorum arithmetic.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// etcd's files of quorum cases, unchanged: 127 cases whose output is compared byte by byte.
struct QuorumConformanceTests {
    @Test(.enabled(if: Conformance.isAvailable, "the conformance data is not there"))
    func publishedCasesHold() throws {
        var count = 0
        for file in Conformance.files(in: "etcd-raft/quorum/testdata", suffix: ".txt") {
            for item in DataDrivenCase.parse(try String(contentsOf: file, encoding: .utf8)) {
                count += 1
                let run = QuorumCase(item)
                let output = item.command == "vote" ? run.vote() : run.committed()
                #expect(output == item.expected, "\(file.lastPathComponent):\(item.line)")
                #expect(run.holdsEverywhere(), "\(file.lastPathComponent):\(item.line)")
            }
        }
        #expect(count == 127)
    }

    /// Configurations and values at random: the answer is what a plain definition says, and obeys symmetry.
    @Test func randomQuorumsAgreeWithTheDefinition() {
        for seed in Seeds(short: 2_000, full: 50_000) {
            var random = SeededRandom(seed: seed)
            func voters() -> [NodeID] { (1...9).filter { _ in random.chance(1, in: 2) }.map { NodeID($0) } }
            let run = QuorumCase(
                incoming: voters(),
                outgoing: voters(),
                values: (1...9).map { id in
                    (NodeID(id), random.chance(1, in: 4) ? nil : 1 + random.below(UInt64(5)))
                }
            )
            #expect(run.holdsEverywhere(), "\(Seeds.replay(seed, "QuorumConformanceTests"))")
        }
    }
}

/// A configuration with what each voter has acknowledged or voted.
private struct QuorumCase {
    var incoming: [NodeID]
    var outgoing: [NodeID]
    /// Whether the case speaks of a joint quorum, be its other half empty.
    var isJoint = true
    /// In votes, 2 is yes and 1 no.
    var values: [(id: NodeID, value: UInt64?)]

    init(incoming: [NodeID], outgoing: [NodeID], values: [(NodeID, UInt64?)]) {
        self.incoming = incoming
        self.outgoing = outgoing
        self.values = values
    }

    init(_ item: DataDrivenCase) {
        func ids(_ key: String) -> [NodeID] { (item[key] ?? []).compactMap { UInt64($0).map { NodeID($0) } } }
        incoming = ids("cfg")
        outgoing = ids("cfgj")
        isJoint = item["cfgj"] != nil
        values = []
        let texts = item["idx"] ?? item["votes"] ?? []
        var order: [NodeID] = []
        for id in incoming + outgoing where !order.contains(id) { order.append(id) }
        for (id, text) in zip(order, texts) {
            switch text {
            case "_": values.append((id, nil))
            case "y": values.append((id, 2))
            case "n": values.append((id, 1))
            default: values.append((id, UInt64(text)))
            }
        }
    }

    func value(_ id: NodeID) -> UInt64? {
        for item in values where item.id == id { return item.value }
        return nil
    }

    func ballot(_ id: NodeID) -> Bool? { value(id).map { $0 > 1 } }

    func reached(_ incoming: [NodeID], _ outgoing: [NodeID]) -> UInt64 {
        JointQuorum(incoming: incoming.sorted(), outgoing: outgoing.sorted()).reached(value)
    }

    func committed() -> String {
        let single = MajorityQuorum(incoming.sorted()).reached(value)
        let result = isJoint ? reached(incoming, outgoing) : single
        return chart() + (result == .max ? "∞" : String(result))
    }

    func vote() -> String {
        let joint = JointQuorum(incoming: incoming.sorted(), outgoing: outgoing.sorted())
        switch isJoint ? joint.result(ballot) : joint.incoming.result(ballot) {
        case .pending: return "VotePending"
        case .lost: return "VoteLost"
        case .won: return "VoteWon"
        }
    }

    /// A bar for each voter: as long as there are voters strictly below it.
    private func chart() -> String {
        let voters = Array(Set(incoming + outgoing)).sorted()
        guard !voters.isEmpty else { return "<empty majority quorum>" }
        func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }
        var text = blanks(voters.count) + "    idx\n"
        for voter in voters {
            let below = voters.filter { (value($0) ?? 0) < (value(voter) ?? 0) }.count
            if value(voter) == nil {
                text += "?" + blanks(voters.count)
            } else {
                text += String(repeating: "x", count: below) + ">" + blanks(voters.count - below)
            }
            let number = String(value(voter) ?? 0)
            text += " " + blanks(max(0, 5 - number.count)) + number
            text += "    (id=" + String(voter.rawValue, radix: 16) + ")\n"
        }
        return text
    }

    /// What must hold of every case, whatever its answer.
    func holdsEverywhere() -> Bool {
        let result = reached(incoming, outgoing)
        // The definition: the greatest value that more than half of each half has reached.
        func plain(_ voters: [NodeID]) -> UInt64 {
            if voters.isEmpty { return .max }
            let candidates = [0] + values.compactMap(\.value)
            return candidates.filter { candidate in
                voters.filter { (value($0) ?? 0) >= candidate }.count * 2 > voters.count
            }.max() ?? 0
        }
        guard result == min(plain(incoming), plain(outgoing)) else { return false }
        guard result == reached(outgoing, incoming) else { return false }
        let majority = MajorityQuorum(incoming.sorted()).reached(value)
        guard majority == reached(incoming, []), majority == reached(incoming, incoming) else { return false }
        // Who is below the result already does not matter for it.
        var lowered = self
        for position in lowered.values.indices {
            if let value = lowered.values[position].value, value < result { lowered.values[position].value = 0 }
        }
        guard lowered.reached(incoming, outgoing) == result else { return false }
        // An election is won exactly by those who commit their votes.
        let election = JointQuorum(incoming: incoming, outgoing: outgoing).result(ballot)
        let yes = JointQuorum(incoming: incoming, outgoing: outgoing).reached { ballot($0) == true ? 1 : 0 }
        return (election == .won) == (yes > 0)
    }
}
