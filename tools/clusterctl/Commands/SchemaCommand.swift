// Pemba: clusterctl schema.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaSchema
import PembaTooling

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Reads, replaces, compares, checks and formats schemas.",
        subcommands: [Write.self, Read.self, Diff.self, Lint.self, Format.self]
    )

    struct Write: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replaces the schema.",
            discussion: """
                What the file imports from its folder is put in its place. Every error is shown with its place. A schema \
                that stored tuples do not fit is refused, and so is one without any definition, unless --allow-empty says that \
                it is meant.

                clusterctl schema write company.zed
                """
        )

        @Flag(help: "Let a schema without definitions take away the one that there is.")
        var allowEmpty = false

        @Argument(help: ArgumentHelp("The schema; - for standard input.", valueName: "file"))
        var file: String

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let schema = try SchemaFile(path: file)
            guard try !schema.compiled().definitions.isEmpty || allowEmpty else {
                throw ToolError("\(file) holds no definition; to take the schema away say --allow-empty")
            }
            let source = schema.source
            let zookie = try await connection.withClient { try await $0.writeSchema(source) }
            try output.print(SchemaWrittenReport(zookie: zookie), text: "schema written; zookie \(zookie)\n")
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

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what a schema would change.",
            discussion: """
                Compares with the cluster's schema, or with another file. Definitions, relations, permissions and caveats \
                are compared, not spaces or their order. Exit status 0: nothing changes; 1: something does; 2: an error.

                clusterctl schema diff company.zed
                clusterctl schema diff company.zed --from yesterday.zed
                """
        )

        @Argument(help: ArgumentHelp("The new schema; - for standard input.", valueName: "file"))
        var file: String

        @Option(help: ArgumentHelp("The old schema, instead of the cluster's.", valueName: "file"))
        var from: String?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let new = try SchemaFile(path: file).compiled()
            let old: SchemaFile
            if let from {
                old = try SchemaFile(path: from)
            } else {
                let answer = try await connection.withClient { try await $0.readSchema(consistency: .fullyConsistent) }
                old = try SchemaFile(source: answer.source, name: "the cluster's schema", folder: ".")
            }
            let report = SchemaDiffReport(from: try old.compiled(), to: new)
            try output.print(report, text: report.text)
            if !report.isEmpty { throw ExitCode(1) }
        }
    }

    struct Lint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks a schema and warns of what is legal and probably not meant.",
            discussion: """
                A comment `// spicedb-ignore-warning: name` before a line silences a warning. Exit status 0: nothing to \
                say; 1: warnings; 2: errors.

                clusterctl schema lint company.zed
                """
        )

        @Argument(help: ArgumentHelp("The schema; - for standard input.", valueName: "file"))
        var file: String

        @OptionGroup var output: OutputOptions

        func run() throws {
            let lint = try SchemaFile.lint(path: file)
            try output.print(lint, text: lint.text)
            if lint.hasErrors { throw ExitCode(2) }
            if !lint.isClean { throw ExitCode(1) }
        }
    }

    struct Format: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings schemas into the one form that all have.",
            discussion: """
                Files are rewritten in place; standard input (-) is printed. With --check nothing is written. Exit status \
                0: done, or with --check every file has the form; 1: with --check, one has not; 2: an error.

                clusterctl schema format company.zed
                clusterctl schema format --check *.zed
                """
        )

        @Argument(help: ArgumentHelp("Schemas; - for standard input.", valueName: "file"))
        var files: [String]

        @Flag(help: "Only say which files do not have the form.")
        var check = false

        func run() throws {
            var isFormed = true
            for file in files {
                let source = try TextFile.read(file)
                let formatted = try SchemaFormatting.format(source, name: file)
                if check {
                    guard formatted != source else { continue }
                    isFormed = false
                    LineOutput.write("\(file) is not formatted\n")
                } else if file == "-" {
                    LineOutput.write(formatted)
                } else if formatted != source {
                    try TextFile.write(formatted, to: file)
                    LineOutput.write("\(file) formatted\n")
                }
            }
            if !isFormed { throw ExitCode(1) }
        }
    }
}
