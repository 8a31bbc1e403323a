// Pemba: the published interaction scripts.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// etcd's scripts without configuration changes, by what they say rather than how they print it: the messages on each
/// link and their order, terms, votes and commit indices, entries written and applied, and every description of a state.
struct InteractionConformanceTests {
    /// Where our nodes do something else on purpose; each of these must differ.
    private static let differences: [String: String] = {
        let unheard = "a peer whose link broke is not written to before it is heard"
        let stale = "an answer of an older term is not sent in a newer one"
        let repeated = "an answer leaves with the write that it rests on, and not once more with the next one"
        let places: [(reason: String, script: String, lines: [Int])] = [
            (unheard, "heartbeat_resp_recovers_from_probing", [40]),
            (stale, "async_storage_writes_append_aba_race", [440, 466]),
            (repeated, "async_storage_writes", [535, 576, 647, 688, 755, 788]),
        ]
        var differences: [String: String] = [:]
        for place in places { for line in place.lines { differences["\(place.script):\(line)"] = place.reason } }
        return differences
    }()

    @Test(
        .enabled(if: Conformance.isAvailable, "the conformance data is not there"),
        arguments: [
            "async_storage_writes", "async_storage_writes_append_aba_race", "campaign", "checkquorum",
            "heartbeat_resp_recovers_from_probing", "lagging_commit", "prevote", "prevote_checkquorum",
            "probe_and_replicate", "replicate_pause", "single_node", "slow_follower_after_compaction",
            "snapshot_succeed_via_app_resp", "snapshot_succeed_via_app_resp_behind",
        ]
    )
    func publishedScriptHolds(name: String) throws {
        var script = InteractionScript()
        var compared = 0
        var differing = Self.differences.filter { $0.key.hasPrefix(name + ":") }
        for item in try cases(of: name) {
            let wasLoud = script.isLoud
            let output = try script.run(item)
            guard wasLoud, item.expected != "ok" else { continue }
            let place = "\(name):\(item.line)"
            let isEqual: Bool
            switch output {
            case .nothing: continue
            case .lines(let lines):
                // Whether a peer was heard of late is a matter of time here, not of a mark.
                let expected = ScriptExpectation(item.expected, node: "").lines
                isEqual = lines == expected.map { $0.replacing(" inactive", with: "") }
            case .events(let events):
                isEqual = events == ScriptExpectation(item.expected, node: item.arguments.first?.key ?? "").events
            case .deliveries(let events): isEqual = events == ScriptExpectation.deliveries(item.expected)
            }
            #expect(
                isEqual == (differing.removeValue(forKey: place) == nil),
                "\(place) \(item.command)\n\(output)\nexpected:\n\(item.expected)"
            )
            compared += 1
        }
        #expect(compared > 0 && differing.isEmpty)
    }

    /// A node that forgets its leader would vote while that one lives, and reads by lease rest on clocks: both are refused.
    @Test(
        .enabled(if: Conformance.isAvailable, "the conformance data is not there"),
        arguments: ["forget_leader", "forget_leader_prevote_checkquorum", "forget_leader_read_only_lease_based"]
    )
    func forgettingALeaderAndReadingByLeaseAreRefused(name: String) throws {
        #expect(throws: InteractionScript.Refusal.self) {
            var script = InteractionScript()
            for item in try cases(of: name) { _ = try script.run(item) }
        }
    }

    private func cases(of name: String) throws -> [DataDrivenCase] {
        let files = Conformance.files(in: "etcd-raft/testdata", suffix: ".txt")
        guard let file = files.first(where: { $0.lastPathComponent == name + ".txt" }) else {
            Issue.record("no script \(name)")
            return []
        }
        return DataDrivenCase.parse(try String(contentsOf: file, encoding: .utf8))
    }
}
