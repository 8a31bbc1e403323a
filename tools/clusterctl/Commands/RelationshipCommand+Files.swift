// Pemba: clusterctl relationship read, import and export.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

extension RelationshipCommand {
    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints relationships that match.",
            discussion: """
                clusterctl relationship read --resource document:plan
                clusterctl relationship read --resource document --relation viewer --subject user:alice
                clusterctl relationship read --resource document:plan --at 2026-11-01T09:00:00Z
                clusterctl relationship read --resource document --limit 100

                With --limit, a cursor with which to go on goes to standard error if there is more.
                """
        )

        @OptionGroup var filter: FilterOptions

        @Option(help: ArgumentHelp("At most this many.", valueName: "count"))
        var limit: Int?

        @Option(
            help: ArgumentHelp(
                "Go on where an earlier call with the same filter and --limit ended.",
                valueName: "cursor"
            )
        )
        var cursor: String?

        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit)") }
        }

        func run() async throws {
            let filter = try filter.filter()
            let reading = RelationshipReading(
                filter: filter,
                consistency: try consistency.consistency(),
                after: try cursorValue(),
                limit: limit
            )
            let output = output
            let next = try await connection.withClient(node: node.node) { client in
                var lines = LineOutput()
                let next = try await reading.run(client) { tuple in
                    lines.add(output.json ? try JSONText.line(TupleReport(tuple)) : "\(tuple)\n")
                }
                lines.flush()
                return next
            }
            if let next { LineOutput.note("more may follow; go on with --cursor \(next.text)\n") }
        }

        private func cursorValue() throws -> ReadCursor? {
            guard let cursor else { return nil }
            guard let value = ReadCursor(text: cursor) else {
                throw ToolError("`\(cursor)` is not a cursor; pass on what an earlier call printed, unchanged")
            }
            return value
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds the relationships of a file.",
            discussion: """
                One relationship a line; blank lines and // comments are passed over. Of a file that ends in .yaml or .yml, \
                which is taken for a validation file, the relationships are imported and nothing else. Many are written at a time, so that \
                what is there after a break is the beginning of the file and perhaps some of what follows. With --resume \
                the progress is kept in a file, and the same command goes on after a break. Whoever interrupts an import is \
                told how far it is (exit status 130).

                clusterctl relationship import company.relationships
                clusterctl relationship import company.relationships --mode skip --resume company.progress
                """
        )

        /// What becomes of relationships that exist.
        enum Mode: String, CaseIterable, ExpressibleByArgument {
            case touch
            case skip
            case fail

            var mode: ImportRequest.Mode {
                switch self {
                case .touch: .touch
                case .skip: .skip
                case .fail: .fail
                }
            }
        }

        @Argument(help: ArgumentHelp("The relationships; - for standard input.", valueName: "file"))
        var file: String

        @Option(help: "What becomes of those that exist: they get the file's caveats and times, or stay, or end it.")
        var mode = Mode.touch

        @Option(
            help: ArgumentHelp(
                "Where the progress is kept, to go on after a break; removed when all is imported.",
                valueName: "file"
            )
        )
        var resume: String?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            // After a break some of what follows the progress may be there, and would end the import each time.
            if resume != nil, mode == .fail {
                throw ValidationError(
                    "--resume goes with --mode touch or skip: with fail an import cannot go on after a break"
                )
            }
        }

        func run() async throws {
            let text = try RelationshipFile.text(ofFile: file)
            let (mode, resume, target) = (mode.mode, resume, try connection.target())
            let report = try await Interruption.handled {
                try await target.withClient { client in
                    try await RelationshipImport(client: client, mode: mode, progressFile: resume).run(text)
                }
            }
            try output.print(report, text: report.text)
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints all relationships of one revision.",
            discussion: """
                As text, one a line, that import reads; or as a validation file with the schema. The revision and the \
                number of relationships go to standard error.

                clusterctl relationship export > company.relationships
                clusterctl relationship export --format validation --resource document > documents.yaml
                """
        )

        @Option(help: "How to print them.")
        var format = RelationshipExport.Format.text

        @OptionGroup var filter: FilterOptions
        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions

        func run() async throws {
            let filter = try filter.filter()
            let consistency = try consistency.consistency()
            let format = format
            let end = try await connection.withClient(node: node.node) { client in
                var lines = LineOutput()
                let end = try await RelationshipExport(client: client, filter: filter, format: format)
                    .run(consistency: consistency) { lines.add($0) }
                lines.flush()
                return end
            }
            LineOutput.note("\(end.count) relationships at revision \(end.zookie.revision); zookie \(end.zookie)\n")
        }
    }
}

extension RelationshipExport.Format: ExpressibleByArgument {}
