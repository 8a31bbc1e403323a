// Pemba: tests of plans and context files.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTooling
import Testing

struct ClusterPlanTests {
    @Test func localNodesGetPortsInARow() throws {
        let plan = try ClusterPlan(local: 3, clientPort: 7001, peerPort: 7101, httpPort: 7201)
        #expect(plan.nodes.map(\.clientAddress) == ["127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003"])
        #expect(plan.nodes[2].peerAddress == "127.0.0.1:7103")
        let text = plan.configuration(of: plan.nodes[1], cluster: ClusterID(high: 1, low: 2))
        #expect(text.contains("  id: 2\n"))
        #expect(text.contains("  - {id: 3, peer: \"127.0.0.1:7103\", client: \"127.0.0.1:7003\"}\n"))
    }

    @Test func addressesOfTheSixthVersionStandInBrackets() throws {
        let plan = try ClusterPlan(hosts: ["::1", "b.example"], clientPort: 1, peerPort: 2, httpPort: 3)
        #expect(plan.nodes.map(\.clientAddress) == ["[::1]:1", "b.example:1"])
    }

    @Test(arguments: [0, 10])
    func tooFewAndTooManyNodesAreRefused(count: Int) {
        #expect(throws: ToolError.self) { try ClusterPlan(local: count, clientPort: 1, peerPort: 100, httpPort: 200) }
    }

    @Test func collidingPortsAndHostsAreRefused() {
        #expect { try ClusterPlan(local: 3, clientPort: 7001, peerPort: 7002, httpPort: 7201) } throws: {
            "\($0)".contains("127.0.0.1:7002 would be used twice")
        }
        #expect { try ClusterPlan(hosts: ["a", "a"], clientPort: 1, peerPort: 2, httpPort: 3) } throws: {
            "\($0)".contains("named twice")
        }
        #expect(throws: ToolError.self) { try ClusterPlan(local: 3, clientPort: 65_534, peerPort: 1, httpPort: 100) }
    }
}

struct ClusterContextTests {
    private func withFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "pemba-\(UUID().uuidString).yaml"
        try TextFile.write(text, to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func aContextIsReadAsItWasWritten() throws {
        let context = ClusterContext(
            cluster: ClusterID(high: 0x12, low: 0x34),
            endpoints: ["127.0.0.1:7001", "[::1]:7002"],
            ca: "/a/ca.pem",
            credential: .certificate(certificate: "/a/admin.pem", key: "/a/admin-key.pem")
        )
        try withFile(context.text) { path in
            let read = try ClusterContext(path: path)
            #expect(read == context)
        }
    }

    @Test func relativePathsStartAtTheFile() throws {
        let text =
            "version: 1\ncluster: \"00000000000000120000000000000034\"\nendpoints: [\"a:1\"]\nca: ca.pem\nbearer_key: key\n"
        try withFile(text) { path in
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
            let context = try ClusterContext(path: path)
            #expect(context.ca == folder + "/ca.pem")
            #expect(context.credential == .bearerKey(file: folder + "/key"))
        }
    }

    @Test(arguments: [
        ("version: 2\n", "`version`"), ("version: 1\ncluster: x\n", "`cluster`"),
        ("colour: red\n", "unknown key `colour`"),
        ("version: 1\ncluster: \"00000000000000120000000000000034\"\nendpoints: []\n", "`endpoints`"),
        (
            "version: 1\ncluster: \"00000000000000120000000000000034\"\nendpoints: [\"a:1\"]\nca: x\n",
            "either `certificate` and `key`"
        ),
    ])
    func brokenContextsAreRefusedWithTheRule(text: String, reason: String) throws {
        try withFile(text) { path in
            #expect { try ClusterContext(path: path) } throws: { "\($0)".contains(reason) }
        }
    }

    @Test func aMissingContextSaysWhatToDo() {
        #expect { try ClusterContext(path: "/nowhere/cluster.yaml") } throws: { "\($0)".contains("clusterctl init") }
    }

    @Test func theDefaultPlaceComesFromTheEnvironment() {
        #expect(ClusterContext.defaultPath(environment: ["HOME": "/h"]) == "/h/.config/pemba/cluster.yaml")
        #expect(ClusterContext.defaultPath(environment: ["HOME": "/h", "PEMBA_CLUSTER": "/x"]) == "/x")
    }
}
