// Pemba: options that say what counts beside the stored relationships.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import PembaCore
import PembaService
import PembaTooling

/// Relationships that one request brings along.
struct ContextualOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A relationship that counts as if it were stored, for this request alone; repeat it for several.",
            valueName: "relationship"
        )
    )
    var contextual: [String] = []

    /// The relationships.
    func tuples() throws -> [RelationTuple] { try contextual.map { try ToolText.tuple($0) } }
}

/// Values and relationships that one request brings along.
struct EvaluationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Values for the parameters of caveats.", valueName: "json"))
    var context: String?

    @OptionGroup var contextual: ContextualOptions

    /// What they come to.
    func evaluationContext() throws -> EvaluationContext {
        EvaluationContext(values: try ToolText.context(context), tuples: try contextual.tuples())
    }
}

/// How deep an evaluation may go.
struct DepthOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How many levels the evaluation may go down (default: as many as it needs; SpiceDB allows 50). Checks alone "
                + "have levels that may be limited: lookups, permissions, explain and expand have no such option.",
            valueName: "count"
        )
    )
    var maxDepth: UInt32?
}

/// Which relationships are meant.
struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The resource's type, or the resource.", valueName: "type[:id]"))
    var resource: String?

    @Option(help: ArgumentHelp("How the resource's id starts.", valueName: "text"))
    var resourcePrefix: String?

    @Option(help: ArgumentHelp("The relation.", valueName: "name"))
    var relation: String?

    @Option(
        help: ArgumentHelp(
            "The subject's type, or the subject; #... for no subject relation.",
            valueName: "type[:id][#relation]"
        )
    )
    var subject: String?

    /// Whether any of them is given.
    var isGiven: Bool { resource != nil || resourcePrefix != nil || relation != nil || subject != nil }

    /// The filter that they make.
    func filter() throws -> RelationshipFilter {
        try ToolText.filter(resource: resource, prefix: resourcePrefix, relation: relation, subject: subject)
    }
}

/// What must hold before a write.
struct PreconditionOptions: ParsableArguments {
    private static let form = "type[:id][#relation][@type[:id][#relation]]"

    @Option(
        help: ArgumentHelp(
            "Write only if a relationship matches; may be repeated.",
            valueName: PreconditionOptions.form
        )
    )
    var mustMatch: [String] = []

    @Option(
        help: ArgumentHelp(
            "Write only if no relationship matches; may be repeated.",
            valueName: PreconditionOptions.form
        )
    )
    var mustNotMatch: [String] = []

    /// The preconditions.
    func preconditions() throws -> [Precondition] {
        try mustMatch.map { Precondition(.mustMatch, try ToolText.filter($0)) }
            + mustNotMatch.map { Precondition(.mustNotMatch, try ToolText.filter($0)) }
    }
}

/// What watchers are told with a write.
struct MetadataOptions: ParsableArguments {
    @Option(help: ArgumentHelp("What watchers are told with it: who asked, and why.", valueName: "json"))
    var metadata: String?

    /// The metadata.
    func object() throws -> ContextObject { try ToolText.metadata(metadata) }
}
