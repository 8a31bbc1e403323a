// Pemba: clusterctl lookup.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaClient
import PembaCore
import PembaService
import PembaTooling

struct LookupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lookup",
        abstract: "Lists resources or subjects.",
        subcommands: [Resources.self, Subjects.self]
    )

    struct Resources: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the resources on which a subject has a permission.",
            discussion: """
                Resources come as they are found, each once, in the order of their ids; the last line says whether they \
                are all. It goes to standard error, unless with --json.

                clusterctl lookup resources document#view user:alice
                clusterctl lookup resources document#view repository#pull user:alice --limit 100
                clusterctl lookup resources document#view user:alice --context '{"ip": "10.1.2.3"}' --json
                """
        )

        @Argument(
            help: ArgumentHelp(
                "Permissions of types, and last the subject.",
                valueName: "type#permission … type:id[#relation]"
            )
        )
        var question: [String]

        @OptionGroup var list: ListOptions
        @OptionGroup var evaluation: EvaluationOptions
        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard question.count >= 2 else {
                throw ValidationError("give a permission and a subject, as in `document#view user:alice`")
            }
        }

        func run() async throws {
            let permissions = try question.dropLast().map { try ToolText.typePermission($0) }
            let subject = try ToolText.subject(question[question.count - 1])
            let context = try evaluation.evaluationContext()
            let consistency = try consistency.consistency()
            let cursor = try list.cursorValue()
            let candidates = try list.candidateIDs()
            let (list, output) = (list, output)
            try await connection.withClient(node: node.node) { client in
                let found = client.lookupResources(
                    permissions,
                    for: subject,
                    context: context,
                    candidates: candidates,
                    idPrefix: list.prefix,
                    limit: list.limit,
                    cursor: cursor,
                    consistency: consistency
                )
                try await list.print(found, output) { item, isJSON in
                    let report = FoundResourceReport(item, of: permissions)
                    return isJSON
                        ? try JSONText.line(report) : report.text(namesPermission: permissions.count > 1)
                }
            }
        }
    }

    struct Subjects: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the subjects that have a permission on a resource.",
            discussion: """
                Subjects come as they are found, each once: a wildcard first, with whom it does not stand for, then the \
                others in the order of their ids. The last line says whether they are all.

                clusterctl lookup subjects document:plan#view user
                clusterctl lookup subjects document:plan#view user team#member --json
                """
        )

        @Argument(help: ArgumentHelp("The permission of the resource.", valueName: "type:id#permission"))
        var permission: String

        @Argument(help: ArgumentHelp("Kinds of subjects.", valueName: "type[#relation]"))
        var kinds: [String]

        @OptionGroup var list: ListOptions
        @OptionGroup var evaluation: EvaluationOptions
        @OptionGroup var consistency: ConsistencyOptions
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var node: NodeOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let (resource, permission) = try ToolText.objectPermission(permission)
            let kinds = try kinds.map { try ToolText.subjectKind($0) }
            let context = try evaluation.evaluationContext()
            let consistency = try consistency.consistency()
            let cursor = try list.cursorValue()
            let candidates = try list.candidateIDs()
            let (list, output) = (list, output)
            try await connection.withClient(node: node.node) { client in
                let found = client.lookupSubjects(
                    [permission],
                    on: resource,
                    kinds: kinds,
                    context: context,
                    candidates: candidates,
                    idPrefix: list.prefix,
                    limit: list.limit,
                    cursor: cursor,
                    consistency: consistency
                )
                try await list.print(found, output) { item, isJSON in
                    let report = FoundSubjectReport(item, of: [permission], kinds: kinds)
                    return isJSON ? try JSONText.line(report) : report.text(namesPermission: false)
                }
            }
        }
    }
}

/// Which part of a list.
struct ListOptions: ParsableArguments {
    @Option(help: ArgumentHelp("At most this many.", valueName: "count"))
    var limit: Int?

    @Option(help: ArgumentHelp("Go on where an earlier call with the same question ended.", valueName: "cursor"))
    var cursor: String?

    @Option(help: ArgumentHelp("Only those whose ids start so.", valueName: "text"))
    var prefix: String = ""

    @Option(
        help: ArgumentHelp(
            "Only this id; repeat it for several, at most \(Limits.lookupCandidates) with those of --candidates.",
            valueName: "id"
        )
    )
    var candidate: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only the ids in this file, one a line, without blank lines and // comments; - for standard input.",
            valueName: "file"
        )
    )
    var candidates: String?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit is at least 1, not \(limit)") }
    }

    /// The ids to which the list is restricted; nil for none.
    func candidateIDs() throws -> [String]? {
        guard let candidates else { return candidate.isEmpty ? nil : try bounded(candidate) }
        return try bounded(candidate + MeaningfulLines(try TextFile.read(candidates)).map(\.text))
    }

    private func bounded(_ ids: [String]) throws -> [String] {
        guard ids.count <= Limits.lookupCandidates else {
            throw ToolError(
                "--candidate and --candidates give \(ids.count) ids, and one lookup takes at most \(Limits.lookupCandidates): "
                    + "ask in several"
            )
        }
        return ids
    }

    /// The cursor.
    func cursorValue() throws -> LookupCursor? {
        guard let cursor else { return nil }
        guard let value = LookupCursor(text: cursor) else {
            throw ToolError("`\(cursor)` is not a cursor; pass on what an earlier call printed, unchanged")
        }
        return value
    }

    /// Prints what a lookup finds, as it comes, and how it ended.
    func print<Found: Sendable>(
        _ found: AnswerStream<Found, LookupEnd>,
        _ output: OutputOptions,
        line: (Found, Bool) throws -> String
    ) async throws {
        var lines = LineOutput()
        var count = 0
        var items = found.makeAsyncIterator()
        while let batch = try await items.nextBatch() {
            for item in batch { lines.add(try line(item, output.json)) }
            count += batch.count
            // Whoever looks on sees what is there.
            lines.flush()
        }
        guard let end = items.end else { preconditionFailure("a lookup ended without its end") }
        let report = LookupEndReport(count: count, end: end, cursor: end.next?.text)
        if output.json {
            lines.add(try JSONText.line(report))
            lines.flush()
        } else {
            LineOutput.note(report.text)
        }
    }
}
