// Pemba: clusterctl schema.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaTooling

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Reads and replaces the schema.",
        subcommands: [Write.self, Read.self]
    )

    struct Write: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replaces the schema.",
            discussion: """
                Every error is shown with its place. A schema that stored tuples do not fit is refused.

                clusterctl schema write company.zed
                """
        )

        @Argument(help: ArgumentHelp("The schema; - for standard input.", valueName: "file"))
        var file: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let source = try TextFile.read(file)
            try SchemaCheck.require(source, name: file)
            let zookie = try await connection.withClient { try await $0.writeSchema(source) }
            try output.print(WrittenReport(zookie: zookie), text: "schema written; zookie \(zookie)\n")
        }
    }

    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the schema.")

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let consistency = try consistency.consistency()
            let answer = try await connection.withClient(node: node.node) {
                try await $0.readSchema(consistency: consistency)
            }
            let source = answer.source.hasSuffix("\n") ? answer.source : answer.source + "\n"
            try output.print(SchemaReport(schema: answer.source, zookie: answer.zookie.description), text: source)
        }
    }
}
