// Pemba: clusterctl relationship delete and set.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

extension RelationshipCommand {
    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes relationships, by their text or by a filter.",
            discussion: """
                By their text: all or none, and those that do not exist are no error. By a filter: everything that it \
                means, in as many requests as that takes, at most --limit.

                clusterctl relationship delete document:plan#viewer@user:alice
                clusterctl relationship delete --resource document:plan
                clusterctl relationship delete --subject user:alice --limit 1000
                """
        )

        @Argument(
            help: ArgumentHelp("Relationships; none with a filter.", valueName: "type:id#relation@type:id[#relation]")
        )
        var relationships: [String] = []

        @OptionGroup var filter: FilterOptions

        @Option(help: ArgumentHelp("With a filter: remove at most this many.", valueName: "count"))
        var limit: UInt64?

        @Flag(help: "Print only the write's zookie.")
        var printZookie = false

        @OptionGroup var preconditions: PreconditionOptions
        @OptionGroup var metadata: MetadataOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            let hasFilter = filter.isGiven
            guard hasFilter == relationships.isEmpty else {
                throw ValidationError("give either relationships or a filter such as --resource document:plan")
            }
            if limit != nil, !hasFilter { throw ValidationError("--limit goes with a filter") }
            if limit == 0 { throw ValidationError("--limit is at least 1") }
        }

        func run() async throws {
            let metadata = try metadata.object()
            guard relationships.isEmpty else { return try await deleteNamed(metadata) }
            let deletion = RelationshipDeletion(
                filter: try filter.filter(),
                limit: limit,
                preconditions: try preconditions.preconditions(),
                metadata: metadata
            )
            let report = try await connection.withClient(node: node.node) { try await deletion.run($0) }
            try output.print(report, text: printZookie ? "\(report.zookie)\n" : report.text)
        }

        private func deleteNamed(_ metadata: ContextObject) async throws {
            let updates = try relationships.map { TupleUpdate(.delete, try ToolText.tuple($0)) }
            let request = WriteRequest(
                updates: updates,
                preconditions: try preconditions.preconditions(),
                metadata: metadata
            )
            let report = WrittenReport(try await connection.withClient(node: node.node) { try await $0.write(request) })
            try output.print(report, text: printZookie ? "\(report.zookie)\n" : report.text)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes the subjects of a relation exactly those given.",
            discussion: """
                Adds and removes what that takes in one step, and says what changed. Without subjects nothing is left.
                A subject may have a caveat and times in brackets, as in the text of a relationship.

                clusterctl relationship set document:plan#viewer user:alice team:eng#member
                clusterctl relationship set document:plan#viewer
                """
        )

        @Argument(help: ArgumentHelp("The relation of a resource.", valueName: "type:id#relation"))
        var relation: String

        @Argument(help: ArgumentHelp("The subjects.", valueName: "type:id[#relation]"))
        var subjects: [String] = []

        @OptionGroup var preconditions: PreconditionOptions
        @OptionGroup var metadata: MetadataOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (resource, name) = try ToolText.objectPermission(relation, wanted: "relation")
            let request = SetRequest(
                resource: resource,
                relation: name,
                tuples: try subjects.map { try ToolText.tuple("\(relation)@\($0)") },
                preconditions: try preconditions.preconditions(),
                metadata: try metadata.object()
            )
            let answer = try await connection.withClient(node: node.node) { try await $0.set(request) }
            let report = SetReport(answer)
            try output.print(report, text: report.text)
        }
    }
}
