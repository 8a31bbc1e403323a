// Pemba: clusterctl relationship.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaClient
import PembaCore
import PembaService
import PembaTooling

struct RelationshipCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relationship",
        abstract: "Writes and reads relationships.",
        subcommands: [Create.self, Touch.self, Delete.self, Read.self, Import.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds relationships; fails as a whole if one exists.",
            discussion: "clusterctl relationship create document:plan#viewer@user:alice"
        )
        @OptionGroup var update: UpdateArguments
        func run() async throws { try await update.run(.create) }
    }

    struct Touch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds relationships; those that exist stay.",
            discussion: "clusterctl relationship touch document:plan#viewer@user:alice"
        )
        @OptionGroup var update: UpdateArguments
        func run() async throws { try await update.run(.touch) }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes relationships; those that do not exist are no error.",
            discussion: "clusterctl relationship delete document:plan#viewer@user:alice"
        )
        @OptionGroup var update: UpdateArguments
        func run() async throws { try await update.run(.delete) }
    }

    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints relationships that match.",
            discussion: """
                clusterctl relationship read --resource document:plan
                clusterctl relationship read --resource document --relation viewer --subject user:alice
                """
        )

        @Option(help: ArgumentHelp("The resource's type, or the resource.", valueName: "type[:id]"))
        var resource: String?

        @Option(help: ArgumentHelp("How the resource's id starts.", valueName: "text"))
        var resourcePrefix: String?

        @Option(help: ArgumentHelp("The relation.", valueName: "name"))
        var relation: String?

        @Option(
            help: ArgumentHelp(
                "The subject's type, or the subject; #... for no subject relation.",
                valueName: "type[:id][#relation]"
            )
        )
        var subject: String?

        @Option(help: ArgumentHelp("At most this many.", valueName: "count"))
        var limit: Int?

        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let filter = try ToolText.filter(
                resource: resource,
                prefix: resourcePrefix,
                relation: relation,
                subject: subject
            )
            let consistency = try consistency.consistency()
            if let limit, limit < 1 { throw ToolError("--limit is at least 1, not \(limit)") }
            let (limit, output) = (limit ?? .max, output)
            try await connection.withClient(node: node.node) { client in
                let pageSize = min(limit, Limits.tuplesPerReadPage)
                let tuples = client.tuples(matching: filter, consistency: consistency, pageSize: pageSize)
                var lines = LineOutput()
                var count = 0
                for try await tuple in tuples {
                    lines.add(output.json ? try JSONText.line(TupleReport(tuple)) : "\(tuple)\n")
                    count += 1
                    if count == limit { break }
                }
                lines.flush()
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds the relationships of a file; those that exist stay.",
            discussion: """
                One relationship a line; blank lines and // comments are passed over. Running it again after a break
                continues where it matters: relationships that are there already stay.

                clusterctl relationship import company.relationships
                """
        )

        @Argument(help: ArgumentHelp("The relationships; - for standard input.", valueName: "file"))
        var file: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let tuples = try RelationshipFile.parse(TextFile.read(file), name: file)
            let report = try await connection.withClient { client in
                try await RelationshipImport(client: client, tuples: tuples).run()
            }
            try output.print(report, text: report.text)
        }
    }
}

/// What create, touch and delete share.
struct UpdateArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Relationships; all or none is written.", valueName: "type:id#relation@type:id[#relation]")
    )
    var relationships: [String]

    @Flag(help: "Print only the write's zookie.")
    var printZookie = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    /// Writes the relationships with `operation`.
    func run(_ operation: TupleUpdate.Operation) async throws {
        let updates = try relationships.map { TupleUpdate(operation, try ToolText.tuple($0)) }
        let zookie = try await connection.withClient(node: node.node) { client in
            try await client.write(WriteRequest(updates: updates))
        }
        let done = "\(updates.count) relationship\(updates.count == 1 ? "" : "s") written; zookie \(zookie)\n"
        try output.print(WrittenReport(zookie: zookie), text: printZookie ? "\(zookie)\n" : done)
    }
}
