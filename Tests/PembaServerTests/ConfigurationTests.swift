// Pemba: tests of the node's configuration: one table, three sources.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaTestSupport
import Testing

@testable import PembaServer

struct ConfigurationTests {
    private static let minimal = """
        cluster: {id: 0123456789abcdef0123456789abcdef}
        node: {id: 1, data: ./data}
        members:
          - {id: 2, peer: "[::1]:7102", client: "[::1]:7002"}
          - {id: 1, peer: "127.0.0.1:7101", client: "127.0.0.1:7001"}
        listen: {client: "127.0.0.1:7001", peer: "127.0.0.1:7101"}
        tls: {ca: ca.pem, certificate: /etc/node.pem, key: key.pem}
        """

    private func read(
        _ yaml: String = minimal,
        environment: [String: String] = [:],
        set: [String] = []
    ) throws -> NodeConfiguration {
        let values = try ConfigurationValues(
            yaml: yaml,
            fileName: "node.yaml",
            environment: environment,
            overrides: set
        )
        return try NodeConfiguration(values, relativeTo: "/srv/pemba")
    }

    private func refusal(
        _ yaml: String = minimal,
        environment: [String: String] = [:],
        set: [String] = []
    ) -> String {
        do {
            _ = try read(yaml, environment: environment, set: set)
            return "accepted"
        } catch {
            return "\(error)"
        }
    }

    @Test func aMinimalFileIsCompletedByDefaults() throws {
        let configuration = try read()
        #expect(configuration.cluster.description == "0123456789abcdef0123456789abcdef")
        #expect(configuration.node == NodeID(1))
        #expect(configuration.members.map(\.id) == [NodeID(1), NodeID(2)])
        #expect(configuration.members[1].peer == NetworkAddress(host: "::1", port: 7102))
        #expect(configuration.raft.electionTimeout == .milliseconds(500))
        #expect(configuration.listen.http == NetworkAddress(host: "127.0.0.1", port: 7201))
        #expect(configuration.credentialsFile == nil)
    }

    @Test func relativePathsStartAtTheFilesFolder() throws {
        let configuration = try read()
        #expect(configuration.tls.ca == "/srv/pemba/ca.pem")
        #expect(configuration.tls.certificate == "/etc/node.pem")
    }

    @Test func flagsWinOverVariablesAndVariablesOverTheFile() throws {
        let yaml = Self.minimal + "\nlog: {level: error}\nstaleness_bound_ms: 6000"
        #expect(try read(yaml).log.level == "error")
        let environment = ["PEMBA_NODE_LOG_LEVEL": "debug", "PEMBA_NODE_STALENESS_BOUND_MS": "7000", "HOME": "/"]
        #expect(try read(yaml, environment: environment).log.level == "debug")
        let configuration = try read(yaml, environment: environment, set: ["log.level=trace", "log.level=notice"])
        #expect(configuration.log.level == "notice")
        #expect(configuration.stalenessBound == .seconds(7))
    }

    @Test func membersCanComeFromAVariable() throws {
        let environment = ["PEMBA_NODE_MEMBERS": "1=a.example:1/b.example:2,3=[::1]:3/[::1]:4"]
        let members = try read(environment: environment).members
        #expect(members.map(\.description) == ["1=a.example:1/b.example:2", "3=[::1]:3/[::1]:4"])
    }

    @Test func theHTTPPortCanBeOff() throws {
        #expect(try read(set: ["listen.http=off"]).listen.http == nil)
    }

    @Test(arguments: [
        ("raft: {election_timeout: 5}", "node.yaml:8: 'raft.election_timeout' is not", "'raft.election_timeout_ms'"),
        ("staleness_bound: 5", "node.yaml:8: 'staleness_bound' is not", "'staleness_bound_ms'"),
        ("election_timeout_ms: 5", "node.yaml:8: 'election_timeout_ms' is not", "'raft.election_timeout_ms'"),
        ("zzzzzzzzzzzz: 5", "node.yaml:8: 'zzzzzzzzzzzz' is not", "--print-configuration"),
        ("raft: {election_timeout_ms: 5}", "node.yaml:8: raft.election_timeout_ms is '5'", "50 to 60000 (ms)"),
        ("raft: {election_timeout_ms: soon}", "is 'soon'", "a whole number"),
        ("raft: 7", "node.yaml:8: 'raft' must be", "mapping"),
        ("log: {level: loud}", "log.level is 'loud'", "one of trace, debug"),
        ("log: {level: [debug]}", "log.level is 'a list", "one of trace, debug"),
        ("log: {level: debug", "not valid YAML", "node.yaml"),
        ("node: {id: 1}", "node.yaml: not valid YAML", "uplicate"),
    ])
    func mistakesInTheFileAreNamedWithTheirLine(line: String, start: String, end: String) {
        let text = refusal(Self.minimal + "\n" + line)
        #expect(text.contains(start) && text.contains(end), "\(text)")
        #expect(!text.contains("\n"))
    }

    @Test(arguments: [
        ("id: 1, peer: \"h:1\"", "members is '{id: 1, peer: h:1, client: missing}'"),
        ("id: 0, peer: \"h:1\", client: \"h:2\"", "members is '{id: 0"),
        ("id: 1, peer: \"h\", client: \"h:2\"", "peer: h,"),
        ("id: 1, peer: \"h:70000\", client: \"h:2\"", "h:70000"),
        ("id: 1, pear: \"h:1\"", "'members.pear' is not a configuration key"),
    ])
    func mistakesInMembersAreNamed(member: String, expected: String) {
        let yaml = Self.minimal.replacing(#/members:\n.*\n.*\n/#, with: "members: [{\(member)}]\n")
        let text = refusal(yaml)
        #expect(text.hasPrefix("node.yaml:3: ") && text.contains(expected), "\(text)")
    }

    @Test func mistakesInVariablesAreNamed() {
        let unknown = refusal(environment: ["PEMBA_NODE_LOG_LEVELS": "info"])
        #expect(
            unknown
                == "PEMBA_NODE_LOG_LEVELS: no configuration key has this variable; the nearest is PEMBA_NODE_LOG_LEVEL"
        )
        let wrong = refusal(environment: ["PEMBA_NODE_LISTEN_CLIENT": "::1:7001"])
        #expect(wrong.hasPrefix("PEMBA_NODE_LISTEN_CLIENT: listen.client is '::1:7001'; it must be host:port"))
        #expect(refusal(environment: ["PEMBA_NODE_LOG_LEVEL": ""]).contains("log.level is ''"))
    }

    @Test func mistakesInFlagsAreNamed() {
        #expect(refusal(set: ["log.levle=info"]).hasPrefix("--set: 'log.levle' is not a configuration key; did you"))
        #expect(refusal(set: ["log.level"]).hasPrefix("--set log.level: must be key=value"))
        #expect(refusal(set: ["cluster.id=12"]).contains("32 lower-case hexadecimal digits"))
    }

    @Test func missingKeysAreNamed() {
        let text = refusal("cluster: {id: 0123456789abcdef0123456789abcdef}")
        #expect(text.hasPrefix("node.yaml: node.id is missing and has no default"), "\(text)")
    }

    @Test(arguments: [
        (
            "members=2=a:1/a:2",
            "--set: members names node 2, and not node 1, which node.id (node.yaml:2) says this is"
        ),
        ("members=1=a:1/a:2,1=a:3/a:4", "names node 1 twice"),
        (
            "raft.heartbeat_interval_ms=251",
            "--set: raft.election_timeout_ms is 500 (the default); it must be at least twice "
                + "raft.heartbeat_interval_ms, which is 251 (--set)"
        ),
        ("staleness_bound_ms=999", "--set: staleness_bound_ms is 999 (--set); it must be at least twice raft.election"),
        ("limits.request_deadline_ms=60001", "must be at least limits.request_deadline_ms"),
    ])
    func contradictionsAreNamed(override: String, expected: String) {
        let text = refusal(set: [override])
        #expect(text.contains(expected), "\(text)")
    }

    /// Whoever gave a value is named with it: an option that is short for a key, a variable, a line of the file.
    @Test func contradictionsNameWhoGaveTheValues() throws {
        let yaml = Self.minimal + "\nraft: {election_timeout_ms: 200}"
        let variable = refusal(yaml, environment: ["PEMBA_NODE_RAFT_HEARTBEAT_INTERVAL_MS": "150"])
        #expect(variable.hasPrefix("node.yaml:8: raft.election_timeout_ms is 200 (node.yaml:8)"), "\(variable)")
        #expect(variable.hasSuffix("which is 150 (PEMBA_NODE_RAFT_HEARTBEAT_INTERVAL_MS)"), "\(variable)")
        let error = #expect(throws: ConfigurationError.self) {
            try ConfigurationValues(
                yaml: Self.minimal,
                fileName: "node.yaml",
                environment: [:],
                overrides: ["log.level=info"],
                shorthands: [ConfigurationValues.Shorthand("--log-level", "log.level", "loud")]
            )
        }
        #expect(error?.description.hasPrefix("--log-level: log.level is 'loud'; it must be one of") == true)
    }

    @Test func everyVariableNamesOneKey() {
        let variables = ConfigurationTable.keys.map(\.environmentVariable)
        #expect(Set(variables).count == variables.count)
    }

    /// What is printed is a configuration: its defaults are accepted and change nothing.
    @Test func thePrintedReferenceCanBeReadBack() throws {
        let overrides = [
            "cluster.id=0123456789abcdef0123456789abcdef", "node.id=1", "node.data=./data",
            "members=1=127.0.0.1:7101/127.0.0.1:7001,2=[::1]:7102/[::1]:7002", "listen.client=127.0.0.1:7001",
            "listen.peer=127.0.0.1:7101", "tls.ca=ca.pem", "tls.certificate=/etc/node.pem", "tls.key=key.pem",
        ]
        #expect(try read(ConfigurationReference.yaml(), set: overrides) == read())
    }

    @Test func thePublishedTableIsTheGeneratedOne() throws {
        let page = Conformance.repository.appendingPathComponent("docs/operations/configuration.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(
            text.contains(ConfigurationReference.markdown()),
            "regenerate the table with: pembad --print-configuration --markdown"
        )
    }
}
