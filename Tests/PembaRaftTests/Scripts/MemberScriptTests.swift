// Pemba: our own scripts of changing members.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

/// The stories of etcd's eleven scripts with configuration changes, told anew: there a change is in force when it is
/// applied, here when it is appended, so other messages are sent, and other majorities count.
///
/// Each file in `Tests/Cases/raft` has the name of the script whose story it tells; one tells what only happens here.
struct MemberScriptTests {
    @Test(
        arguments: [
            "campaign_learner_must_vote", "confchange_disable_validation", "confchange_v1_add_single",
            "confchange_v1_remove_leader", "confchange_v1_remove_leader_stepdown", "confchange_v2_add_double_auto",
            "confchange_v2_add_double_implicit", "confchange_v2_add_single_auto", "confchange_v2_add_single_explicit",
            "confchange_v2_replace_leader", "confchange_v2_replace_leader_stepdown", "change_rolled_back",
        ]
    )
    func scriptHolds(name: String) throws {
        let file = Conformance.repository.appendingPathComponent("Tests/Cases/raft/\(name).txt")
        let cases = DataDrivenCase.parse(try String(contentsOf: file, encoding: .utf8))
        var script = MemberScript()
        for item in cases {
            let output = script.run(item)
            #expect(output == item.expected, "\(name):\(item.line) \(item.command)")
        }
        #expect(cases.contains { $0.command == "change" })
    }
}
