// Pemba: the command-line tool for operators.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaTooling

/// The root command.
@main
struct Clusterctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clusterctl",
        abstract: "Creates, inspects and uses Pemba clusters.",
        discussion: """
            Commands find the cluster by --cluster FILE, by --endpoint with --ca, --cert and --key, by the variable \
            PEMBA_CLUSTER, or by ~/.config/pemba/cluster.yaml, in this order.

            Exit status: 0 done, or the subject has the permission; 1 it has not, or an assertion failed; 3 it depends \
            on context that was not given; 2 an error, of the command line too; 130 interrupted; 141 nobody reads the \
            output any more.

            Completion scripts: clusterctl --generate-completion-script bash|zsh|fish
            """,
        version: PembaVersion.current,
        subcommands: [
            InitCommand.self, StatusCommand.self, SchemaCommand.self, RelationshipCommand.self, CheckCommand.self,
            BulkCheckCommand.self, LookupCommand.self, PermissionsCommand.self, ExpandCommand.self,
            ExplainCommand.self, WatchCommand.self, ValidateCommand.self, MemberCommand.self,
        ]
    )

    static func main() async {
        LineOutput.expectNobody()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as Interruption {
            LineOutput.note("clusterctl: \(error)\n")
            exit(withError: ExitCode(Interruption.exitStatus))
        } catch let error as ToolError {
            report(error.description)
        } catch let error as ClientError {
            report(error.description)
        } catch let error as ExitCode {
            exit(withError: error)
        } catch {
            // Status 1 is an answer ("has not"); every error is status 2.
            switch exitCode(for: error) {
            case .success: exit(withError: error)
            case .failure: report("\(error)")
            default: report(usage: fullMessage(for: error))
            }
        }
    }

    private static func report(_ message: String) -> Never { report(usage: "clusterctl: \(message)") }

    private static func report(usage message: String) -> Never {
        LineOutput.note(message + "\n")
        exit(withError: ExitCode(2))
    }
}
