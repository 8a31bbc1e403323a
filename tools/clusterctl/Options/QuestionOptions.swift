// Pemba: what check and explain have in common: a question, where it is asked, and the exit status of its answer.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

/// A question about a resource and a subject, at a state of the cluster.
struct QuestionOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The question.", valueName: "type:id#permission@type:id[#relation]"))
    var question: String

    @OptionGroup var evaluation: EvaluationOptions
    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    /// What is asked, with the values that the command line gives.
    struct Question: Sendable {
        var item: CheckItem
        var contextualTuples: [RelationTuple]
        var consistency: Consistency
    }

    /// Asks it.
    func ask<Answer: Sendable>(
        _ body: (PembaClient, Question) async throws -> Answer
    ) async throws -> (item: CheckItem, answer: Answer) {
        let context = try evaluation.evaluationContext()
        var item = try ToolText.check(question)
        if !context.values.isEmpty { item.context = context.values }
        let asked = Question(item: item, contextualTuples: context.tuples, consistency: try consistency.consistency())
        return (item, try await connection.withClient(node: node.node) { try await body($0, asked) })
    }

    /// Prints a report, and ends with the status that goes with the answer.
    func print(_ report: some Encodable, text: String, _ permissionship: Permissionship) throws {
        try output.print(report, text: text)
        switch permissionship {
        case .hasPermission: break
        case .noPermission: throw ExitCode(1)
        case .conditional: throw ExitCode(3)
        }
    }
}
