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
            Exit status 0: it has; 1: it has not; 3: it depends on context that was not given, which is named; 2: an \
            error, of the command line too.

            clusterctl check document:plan#view@user:alice
            clusterctl check document:plan#view@team:eng#member --fully-consistent
            clusterctl check document:plan#view@user:alice --context '{"ip": "10.1.2.3"}'
            clusterctl check document:plan#view@user:alice --at 2026-11-01T09:00:00Z
            clusterctl check document:plan#view@user:bob --contextual document:plan#viewer@user:bob
            """
    )

    @OptionGroup var question: QuestionOptions
    @OptionGroup var depth: DepthOptions

    func run() async throws {
        let maxDepth = depth.maxDepth
        let (item, answer) = try await question.ask { client, question in
            try await client.check(
                question.item,
                contextualTuples: question.contextualTuples,
                maxDepth: maxDepth,
                consistency: question.consistency
            )
        }
        let report = CheckReport(item: item, answer: answer)
        try question.print(report, text: report.text, answer.permissionship)
    }
}

struct BulkCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulk-check",
        abstract: "Asks the questions of a file, all at one revision.",
        discussion: """
            One question a line, optionally followed by `with {json}` for its context and then by `=> has`, `=> has-not` \
            or `=> conditional`; blank lines and // comments are passed over. A question that cannot be answered has an \
            error in its row, with --json the members `error` and `errorCode`; the others are answered all the same. \
            Exit status 0: every answer is the expected one; 1: an answer is not; 2: a question has an error, or the \
            whole command.

            clusterctl bulk-check questions.checks
            clusterctl bulk-check questions.checks --json
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
        guard !checks.isEmpty else { throw ToolError("\(file) holds no check") }
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
