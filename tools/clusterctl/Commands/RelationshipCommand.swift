// Pemba: clusterctl relationship.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaService
import PembaTooling

struct RelationshipCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relationship",
        abstract: "Writes and reads relationships.",
        subcommands: [
            Create.self, Touch.self, Delete.self, Set.self, Read.self, Import.self, Export.self,
        ]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds relationships; fails as a whole if one exists.",
            discussion: """
                A caveat and times follow in brackets.

                clusterctl relationship create document:plan#viewer@user:alice
                clusterctl relationship create 'document:plan#viewer@user:bob[office_network:{"cidr":"10.0.0.0/8"}]'
                clusterctl relationship create 'document:plan#viewer@user:eve[expiration:2026-12-01T18:00:00Z]'
                clusterctl relationship create document:plan#viewer@user:bob --must-match document:plan#owner@user:alice
                """
        )
        @OptionGroup var update: UpdateArguments
        func run() async throws { try await update.run(.create) }
    }

    struct Touch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds relationships, or gives those that exist these caveats and times.",
            discussion: "clusterctl relationship touch document:plan#viewer@user:alice"
        )
        @OptionGroup var update: UpdateArguments
        func run() async throws { try await update.run(.touch) }
    }
}

/// What create and touch share.
struct UpdateArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Relationships; all or none is written.", valueName: "type:id#relation@type:id[#relation]")
    )
    var relationships: [String]

    @Flag(help: "Print only the write's zookie.")
    var printZookie = false

    @OptionGroup var preconditions: PreconditionOptions
    @OptionGroup var metadata: MetadataOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    /// Writes the relationships with `operation`.
    func run(_ operation: TupleUpdate.Operation) async throws {
        let updates = try relationships.map { TupleUpdate(operation, try ToolText.tuple($0)) }
        try await run(
            WriteRequest(
                updates: updates,
                preconditions: preconditions.preconditions(),
                metadata: metadata.object()
            )
        )
    }

    /// Writes `request` and prints what that changed.
    private func run(_ request: WriteRequest) async throws {
        let report = WrittenReport(try await connection.withClient(node: node.node) { try await $0.write(request) })
        try output.print(report, text: printZookie ? "\(report.zookie)\n" : report.text)
    }
}
