// Pemba: clusterctl member.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

struct MemberCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member",
        abstract: "Shows and changes who belongs to the cluster.",
        discussion: """
            A change is made once, however often it is asked for: asking again for what is made, or under way, waits for \
            its end. A node that is to vote is called first, then given everything, and votes when it has caught up; if it \
            cannot, nobody else's vote has changed. Each id is used once: a node that was removed, or has lost its data, \
            comes back under a new one. Whoever interrupts a change is told how it stands; it goes on all the same.

            A new node:   clusterctl member prepare --directory prod --host d.example
                          pembad --config node-4/node.yaml --join        (there)
                          clusterctl member add 4 --peer d.example:7101 --client d.example:7001
            """,
        subcommands: [
            List.self, Prepare.self, Add.self, Remove.self, Replace.self, Promote.self, Demote.self,
            UpdateAddress.self, Abandon.self, Transfer.self,
        ]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the members, as the leader knows them.",
            discussion: "clusterctl member list --json"
        )
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let report = MemberReport(try await connection.withClient { try await $0.membership() })
            try output.print(report, text: report.text)
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a node that was started with --join.",
            discussion: """
                clusterctl member add 4 --peer d.example:7101 --client d.example:7001
                clusterctl member add 5 --peer e.example:7101 --client e.example:7001 --learner
                """
        )
        @Argument(help: ArgumentHelp("The new node.", valueName: "id")) var node: UInt64
        @OptionGroup var contact: ContactOptions
        @Flag(help: "It receives everything and answers reads, and does not vote.") var learner = false
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.add(try contact.contact(of: node), votes: !learner)) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a member for good; the leader too.",
            discussion: """
                The node is told so and stops taking part; stop it then, and delete its folder.

                clusterctl member remove 3
                """
        )
        @Argument(help: ArgumentHelp("The member.", valueName: "id")) var node: UInt64
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.remove(NodeID(node))) }
    }

    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a new node in the place of another, in one change.",
            discussion: """
                The old one goes only when the new one has caught up.

                clusterctl member replace 3 6 --peer f.example:7101 --client f.example:7001
                """
        )
        @Argument(help: ArgumentHelp("The member that goes.", valueName: "old id")) var old: UInt64
        @Argument(help: ArgumentHelp("The node that comes, started with --join.", valueName: "new id")) var new: UInt64
        @OptionGroup var contact: ContactOptions
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.replace(NodeID(old), by: try contact.contact(of: new))) }
    }

    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a learner a vote, once it has caught up.",
            discussion: "clusterctl member promote 5"
        )
        @Argument(help: ArgumentHelp("The learner.", valueName: "id")) var node: UInt64
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.promote(NodeID(node))) }
    }

    struct Demote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a member's vote; it goes on receiving everything.",
            discussion: "clusterctl member demote 5"
        )
        @Argument(help: ArgumentHelp("The voter.", valueName: "id")) var node: UInt64
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.demote(NodeID(node))) }
    }

    struct UpdateAddress: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says where a member is reached from now on.",
            discussion: """
                The member must answer there already: stop it, change its configuration, start it, then tell the cluster.

                clusterctl member update-address 2 --peer new.example:7101 --client new.example:7001
                """
        )
        @Argument(help: ArgumentHelp("The member.", valueName: "id")) var node: UInt64
        @OptionGroup var contact: ContactOptions
        @OptionGroup var change: ChangeOptions

        func run() async throws { try await change.run(.relocate(try contact.contact(of: node))) }
    }
}

/// Where a node is reached.
struct ContactOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where the other nodes reach it.", valueName: "host:port"))
    var peer: String

    @Option(help: ArgumentHelp("Where clients reach it.", valueName: "host:port"))
    var client: String

    func contact(of node: UInt64) throws -> MemberContact {
        guard node > 0 else { throw ToolError("ids of nodes begin at 1") }
        do throws(NetworkAddressError) {
            let peer = try NetworkAddress(parsing: peer)
            return MemberContact(node: NodeID(node), peer: peer, client: try NetworkAddress(parsing: client))
        } catch {
            throw ToolError(error.description)
        }
    }
}

/// What all changes have in common.
struct ChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("How long to wait for the end of the change; it goes on without.", valueName: "seconds")
    )
    var wait: Double = 3_600

    @Flag(help: "Even if so few of the voters are connected afterwards that the cluster stops.")
    var force = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run(_ edit: MemberEdit) async throws {
        let (target, force, wait) = (try connection.target(), force, wait)
        let status = try await Interruption.handled {
            if let contact = edit.contact { try await target.look(for: contact) { LineOutput.note($0 + "\n") } }
            return try await target.withClient { client in
                try await MembershipRun(edit, client: client, allowsLossOfQuorum: force) { LineOutput.note($0 + "\n") }
                    .run(patience: .seconds(wait))
            }
        }
        let report = MemberReport(status)
        try output.print(report, text: report.text)
    }
}
