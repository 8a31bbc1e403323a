// Pemba: clusterctl explain, expand and permissions.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaService
import PembaTooling

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a check has its answer.",
        discussion: """
            Shows the steps that lead to the subject. If it has not the permission, shows what was tried, and the smallest \
            changes each of which would give it: relationships to add or remove, values to give. A relationship that does not \
            count is shown with its time, or with its condition and the values that it was judged with. Exit status as of \
            check.

            clusterctl explain document:plan#view@user:alice
            clusterctl explain document:plan#view@user:alice --context '{"ip": "10.1.2.3"}' --at 1200
            """
    )

    @OptionGroup var question: QuestionOptions

    func run() async throws {
        let (item, answer) = try await question.ask { client, question in
            try await client.explain(
                question.item,
                contextualTuples: question.contextualTuples,
                consistency: question.consistency
            )
        }
        let report = ExplainReport(item: item, answer: answer)
        try question.print(report, text: report.text, answer.explanation.decision.permissionship)
    }
}

struct ExpandCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expand",
        abstract: "Shows what a relation or permission of a resource is made of.",
        discussion: """
            clusterctl expand document:plan#view
            clusterctl expand document:plan#view --recursive --json
            """
    )

    @Argument(help: ArgumentHelp("The relation or permission.", valueName: "type:id#permission"))
    var permission: String

    @Flag(help: "Expand the usersets among the subjects in turn.")
    var recursive = false

    @OptionGroup var contextual: ContextualOptions
    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let (resource, permission) = try ToolText.objectPermission(permission)
        let tuples = try contextual.tuples()
        let consistency = try consistency.consistency()
        let recursive = recursive
        let answer = try await connection.withClient(node: node.node) {
            try await $0.expand(
                resource,
                permission,
                isRecursive: recursive,
                contextualTuples: tuples,
                consistency: consistency
            )
        }
        let report = ExpandReport(answer)
        try output.print(report, text: report.text)
    }
}

struct PermissionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "permissions",
        abstract: "Shows which relations and permissions of a resource a subject has.",
        discussion: "clusterctl permissions document:plan user:alice"
    )

    @Argument(help: ArgumentHelp("The resource.", valueName: "type:id"))
    var resource: String

    @Argument(help: ArgumentHelp("The subject.", valueName: "type:id[#relation]"))
    var subject: String

    @OptionGroup var evaluation: EvaluationOptions
    @OptionGroup var consistency: ConsistencyOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let resource = try ToolText.object(resource)
        let subject = try ToolText.subject(subject)
        let context = try evaluation.evaluationContext()
        let consistency = try consistency.consistency()
        let answer = try await connection.withClient(node: node.node) {
            try await $0.permissions(of: subject, on: resource, context: context, consistency: consistency)
        }
        let report = PermissionsReport(resource: resource, subject: subject, answer: answer)
        try output.print(report, text: report.text)
    }
}
