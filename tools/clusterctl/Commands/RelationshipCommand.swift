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
            Create.self, Touch.self, Delete.self, Write.self, Set.self, Read.self, Import.self, Export.self,
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

extension RelationshipCommand {
    struct Write: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes all updates of a file, or none, in one write.",
            discussion: """
                Each line is `create`, `touch` or `delete` and a relationship; - reads standard input. Deleting what is not \
                there changes nothing.

                clusterctl relationship write changes.txt
                printf '%s\\n' 'delete team:a#member@user:ann' 'create team:b#member@user:ann' | clusterctl relationship write -
                """
        )

        @Argument(help: ArgumentHelp("The file.", valueName: "file"))
        var file: String

        @OptionGroup var update: UpdateOptions

        func run() async throws {
            let updates = try UpdateFile(TextFile.read(file), name: file)
            do {
                try await update.run(updates.updates)
            } catch let error as ClientError {
                guard let place = error.serviceError.flatMap({ updates.place(of: $0) }) else { throw error }
                throw ToolError("\(place): \(error); nothing of the file was written")
            }
        }
    }
}

/// What create and touch share.
struct UpdateArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Relationships; all or none is written.", valueName: "type:id#relation@type:id[#relation]")
    )
    var relationships: [String]

    @OptionGroup var update: UpdateOptions

    /// Writes the relationships with `operation`.
    func run(_ operation: TupleUpdate.Operation) async throws {
        try await update.run(relationships.map { TupleUpdate(operation, try ToolText.tuple($0)) })
    }
}

/// What all writes of single relationships share.
struct UpdateOptions: ParsableArguments {
    @Flag(help: "Print only the write's zookie.")
    var printZookie = false

    @OptionGroup var preconditions: PreconditionOptions
    @OptionGroup var metadata: MetadataOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    /// Makes the updates in one write and prints what that changed.
    func run(_ updates: [TupleUpdate]) async throws {
        let request = WriteRequest(
            updates: updates,
            preconditions: try preconditions.preconditions(),
            metadata: try metadata.object()
        )
        let report = WrittenReport(try await connection.withClient(node: node.node) { try await $0.write(request) })
        try output.print(report, text: printZookie ? "\(report.zookie)\n" : report.text)
    }
}
