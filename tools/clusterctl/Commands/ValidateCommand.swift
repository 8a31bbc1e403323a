// Pemba: clusterctl validate.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaTooling

struct ValidateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks the assertions and expected subjects of validation files.",
        discussion: """
            A validation file holds a schema, relationships, assertions (true, false, caveated, with contexts) and expected \
            subjects in SpiceDB's YAML format. A file NAME.lookups.json beside NAME.yaml adds lookups with their results, and \
            what conditional checks lack. Without --live nothing but this process is needed. With --live the files are tried \
            on every node of a cluster in every consistency mode; it must hold no relationships, and each file's are \
            removed again.
            Exit status 0: everything holds; 1: something does not; 2: an error.

            clusterctl validate company.yaml
            clusterctl validate --live company.yaml
            """
    )

    @Argument(help: ArgumentHelp("Validation files.", valueName: "file"))
    var files: [String]

    @Flag(help: "Try the files on a running cluster.")
    var live = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var reports: [ValidationReport] = []
        if live {
            let files = files
            reports = try await connection.target().withClients { cluster, nodes in
                try await ClusterValidator(client: cluster, nodes: nodes).validate(files)
            }
        } else {
            for file in files { reports.append(await InProcessValidator.validate(file)) }
        }
        let summary = ValidationSummary(reports)
        try output.print(summary, text: summary.text)
        if summary.hasErrors { throw ExitCode(2) }
        if !summary.holds { throw ExitCode(1) }
    }
}
