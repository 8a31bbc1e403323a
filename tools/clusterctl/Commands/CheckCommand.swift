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
            Exit status 0: it has; 1: it has not; 3: it depends on context that was not given, which is named; 2: an
            error.

            clusterctl check document:plan#view@user:alice
            clusterctl check document:plan#view@team:eng#member --fully-consistent
            clusterctl check document:plan#view@user:alice --context '{"ip": "10.1.2.3"}'
            clusterctl check document:plan#view@user:alice --at 2026-11-01T09:00:00Z
            clusterctl check document:plan#view@user:bob --contextual document:plan#viewer@user:bob
            """
    )

    @Argument(help: ArgumentHelp("The question.", valueName: "type:id#permission@type:id[#relation]"))
    var question: String

    @OptionGroup var evaluation: EvaluationOptions
    @OptionGroup var depth: DepthOptions
    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let context = try evaluation.evaluationContext()
        var item = try ToolText.check(question)
        if !context.values.isEmpty { item.context = context.values }
        let asked = item
        let consistency = try consistency.consistency()
        let maxDepth = depth.maxDepth
        let answer = try await connection.withClient(node: node.node) {
            try await $0.check(
                asked,
                contextualTuples: context.tuples,
                maxDepth: maxDepth,
                consistency: consistency
            )
        }
        let report = CheckReport(item: asked, answer: answer)
        try output.print(report, text: report.text)
        switch answer.permissionship {
        case .hasPermission: break
        case .noPermission: throw ExitCode(1)
        case .conditional: throw ExitCode(3)
        }
    }
}

struct BulkCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk-check",
        abstract: "Asks the questions of a file, all at one revision.",
        discussion: """
            One question a line, optionally followed by `with {json}` for its context and then by `=> has`, `=> has-not`
            or `=> conditional`; blank lines and // comments are passed over. Exit status 0: every answer is the expected
            one; 1: an answer is not; 2: an error.

            clusterctl bulk-check questions.checks
            """
    )

    @Argument(help: ArgumentHelp("The questions; - for standard input.", valueName: "file"))
    var file: String

    @OptionGroup var contextual: ContextualOptions
    @OptionGroup var depth: DepthOptions
    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let checks = try ExpectedChecks.parse(TextFile.read(file), name: file)
        let tuples = try contextual.tuples()
        let consistency = try consistency.consistency()
        let maxDepth = depth.maxDepth
        let report = try await connection.withClient(node: node.node) { client in
            try await BulkCheckReport.gather(
                checks,
                contextualTuples: tuples,
                maxDepth: maxDepth,
                consistency: consistency,
                client: client
            )
        }
        try output.print(report, text: report.text)
        if report.hasErrors { throw ExitCode(2) }
        if !report.holds { throw ExitCode(1) }
    }
}
