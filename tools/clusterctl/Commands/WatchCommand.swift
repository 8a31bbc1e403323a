// Pemba: clusterctl watch.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaService
import PembaTooling

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Prints changes as they happen.",
        discussion: """
            One line a change, in order and without gaps, until it is interrupted; with --json one record a line, and \
            checkpoints too, whose zookie is where to begin again with --since. With filters only relationships that one \
            of them means: each --filter is one, and the other options are one together, with which a relationship must \
            agree in all. Whoever interrupts it is told where to go on (exit status 130).

            clusterctl watch
            clusterctl watch --filter document#owner --filter team:eng
            clusterctl watch --resource document --json --since "$zookie"
            clusterctl watch --snapshot
            """
    )

    @Option(help: ArgumentHelp("Begin with what came after this zookie.", valueName: "zookie"))
    var since: String?

    @Flag(help: "Begin with all relationships that there are.")
    var snapshot = false

    @Flag(help: "Leave out changes of the schema.")
    var noSchema = false

    @Option(
        name: .customLong("filter"),
        help: ArgumentHelp(
            "Relationships of this kind; repeat it for several.",
            valueName: "[type[:id]][#relation][@type[:id]]"
        )
    )
    var filters: [String] = []

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var node: NodeOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if since != nil, snapshot { throw ValidationError("--since and --snapshot exclude each other") }
    }

    func run() async throws {
        let whole = try filter.filter()
        let all = try filters.map { try ToolText.filter($0) } + (whole.isEmpty ? [] : [whole])
        let beginning: WatchRequest.Start = snapshot ? .snapshot : .now
        let start = try since.map { .after(try ToolText.zookie($0)) } ?? beginning
        let request = WatchRequest(start: start, filters: all, includesSchema: !noSchema)
        let (isJSON, target, node) = (output.json, try connection.target(), node.node)
        try await Interruption.handled {
            try await target.withClient(node: node) { client in
                var lines = LineOutput()
                var progress = WatchProgress()
                var events = client.watch(request).makeAsyncIterator()
                do {
                    while let batch = try await events.nextBatch() {
                        for event in batch {
                            lines.add(isJSON ? try WatchReport.json(event) : WatchReport.text(event))
                            progress.note(event)
                        }
                        lines.flush()
                    }
                } catch let error where Interruption.isCause(of: error) {
                    throw Interruption(progress.advice)
                }
            }
        }
    }
}
