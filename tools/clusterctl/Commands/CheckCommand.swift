// Pemba: clusterctl check and bulk-check.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaService
import PembaTooling

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Asks whether a subject has a permission.",
        discussion: """
            Exit status 0: it has; 1: it has not; 2: an error.

            clusterctl check document:plan#view@user:alice
            clusterctl check document:plan#view@team:eng#member --fully-consistent
            """
    )

    @Argument(help: ArgumentHelp("The question.", valueName: "type:id#permission@type:id[#relation]"))
    var question: String

    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let item = try ToolText.check(question)
        let consistency = try consistency.consistency()
        let answer = try await connection.withClient(node: node.node) {
            try await $0.check(item, consistency: consistency)
        }
        let report = CheckReport(item: item, answer: answer)
        try output.print(report, text: report.text)
        if answer.permissionship != .hasPermission { throw ExitCode(1) }
    }
}

struct BulkCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk-check",
        abstract: "Asks the questions of a file, all at one revision.",
        discussion: """
            One question a line, optionally followed by `=> has` or `=> has-not`; blank lines and // comments are passed
            over. Exit status 0: every answer is the expected one; 1: an answer is not; 2: an error.

            clusterctl bulk-check questions.checks
            """
    )

    @Argument(help: ArgumentHelp("The questions; - for standard input.", valueName: "file"))
    var file: String

    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let checks = try ExpectedChecks.parse(TextFile.read(file), name: file)
        let consistency = try consistency.consistency()
        let report = try await connection.withClient(node: node.node) { client in
            try await BulkCheckReport.gather(checks, consistency: consistency, client: client)
        }
        try output.print(report, text: report.text)
        if report.hasErrors { throw ExitCode(2) }
        if !report.holds { throw ExitCode(1) }
    }
}
