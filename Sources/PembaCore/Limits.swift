// Pemba: the limits that clients and operators can run into, in one place.
// SPDX-License-Identifier: Apache-2.0

/// Bounds on everything that others can make large.
///
/// `docs/protocol.md` publishes them.
public enum Limits {
    /// Bytes in an object or subject id, at least 1.
    public static let objectIDBytes = 1_024
    /// Bytes in the name of a definition.
    public static let definitionNameBytes = 128
    /// Bytes in the name of a relation or permission.
    public static let relationNameBytes = 64
    /// Bytes in the source of a schema.
    public static let schemaBytes = 1 << 20
    /// Definitions in a schema.
    public static let definitionsPerSchema = 4_096
    /// Relations and permissions in one definition.
    public static let relationsPerDefinition = 4_094
    /// Levels of parentheses and operators in one expression.
    public static let expressionDepth = 256
    /// Caveats in a schema.
    public static let caveatsPerSchema = 4_096
    /// Levels in the type of a caveat's parameter: `list<map<int>>` has three.
    public static let parameterTypeDepth = 16
    /// Bytes in the name of a caveat or of one of its parameters.
    public static let caveatNameBytes = 128
    /// Bytes of relations and permissions that a schema takes over from partials.
    public static let splicedBytes = 1 << 20
    /// Partials inside partials.
    public static let partialDepth = 64
    /// Steps that checking the annotated types of a schema's permissions may take.
    public static let typeCheckSteps = 4_000_000
    /// Files that a schema may import, directly or not.
    public static let importedFiles = 256
    /// Files inside files that a schema imports.
    public static let importDepth = 64
    /// Updates in one write.
    public static let updatesPerWrite = 1_000
    /// Preconditions in one write.
    public static let preconditionsPerWrite = 1_000
    /// Checks in one bulk check.
    public static let checksPerBulk = 10_000
    /// Tuples in one page of a read.
    public static let tuplesPerReadPage = 1_000
    /// Entities and tuples that one step of a read looks at before others get their turn.
    public static let readWork = 16_384
    /// Bytes in a frame's payload, compressed or not.
    public static let framePayloadBytes = 4 << 20
    /// Bytes in one log entry's payload.
    public static let entryPayloadBytes = 4 << 20
    /// Bytes of content in one block of a snapshot.
    public static let snapshotBlockBytes = 256 << 10
    /// How far in the future a moment may lie that is asked about: callers' clocks are not quite those of nodes.
    public static let clockSkew = TimeSpan.seconds(1)
    /// Client sessions kept for exactly-once writes; the least recently used go first.
    public static let clientSessions = 65_536
    /// How long an unused client session is kept, by the log's time.
    public static let clientSessionLifetime = TimeSpan.seconds(3_600)
    /// Answers kept in one client session: the most writes that it can have in flight.
    public static let answersPerSession = 1_024
    /// Entities that one evaluation may visit before it ends with an error, unless configured otherwise.
    public static let evaluationVisits = 1_000_000
    /// Bytes of JSON in the context that a tuple stores.
    public static let storedContextBytes = 25_000
    /// Bytes of JSON in the context of a request.
    public static let requestContextBytes = 4_096
    /// Lists and objects inside each other in a context.
    public static let contextDepth = 64
    /// Parameters of one caveat.
    public static let caveatParameters = 20
    /// Bytes in the expression of a caveat.
    public static let caveatExpressionBytes = 100_000
    /// Steps that one evaluation of a condition may take before it ends with an error, unless configured otherwise.
    public static let conditionCost = 100_000
    /// Steps of conditions that count as one entity visited, against slices and budgets.
    public static let conditionStepsPerVisit = 16
    /// Instructions that a regular expression may become.
    public static let regexInstructions = 4_096
    /// Entities that one evaluation visits before others get their turn.
    public static let evaluationSlice = 4_096
    /// Bytes of JSON in the metadata of a write.
    public static let metadataBytes = 65_000
    /// Tuples that one request brings along.
    public static let contextualTuples = 1_000
    /// Tuples that one deletion by filter removes.
    public static let tuplesPerDelete = 100_000
    /// Tuples, and objects that have any, that one command in the log looks at to find what its filters mean: the same on
    /// every node, since it decides what the command does.
    public static let commandVisits = 131_072
    /// Tuples in one request of an import.
    public static let tuplesPerImport = 10_000
    /// Permissions, or kinds of subjects, in one lookup.
    public static let permissionsPerLookup = 100
    /// Ids to which one lookup is restricted.
    public static let lookupCandidates = 10_000
    /// Entities and tuples that one lookup may visit before it ends with an error, unless configured otherwise.
    public static let lookupVisits = 50_000_000
    /// Results of one call of a lookup.
    public static let lookupResults = 2_000_000
    /// Entities and tuples that one explanation may visit before it ends with an error: it is not done in slices.
    public static let explanationVisits = 100_000
    /// Sets of changes in one explanation.
    public static let suggestions = 10
    /// Steps in one explanation, and nodes in one expansion.
    public static let explanationNodes = 10_000
    /// Steps of an explanation, or nodes of an expansion, inside each other.
    public static let explanationDepth = 256
    /// Parts of sub-problems that one explanation looks into.
    public static let explanationParts = 4_096
    /// Usersets or objects behind an arrow that an explanation looks into, of those that have the subject and of those
    /// that have not.
    public static let explanationFanout = 64
    /// Conditions whose outcome one explanation tells.
    public static let explanationConditions = 64
    /// Bytes of a caveat's expression in an explanation; more are cut.
    public static let explanationExpressionBytes = 1_024
    /// Changes in one suggestion.
    public static let changesPerSuggestion = 6
    /// Sets of changes that the search for suggestions keeps of each part.
    public static let suggestionsPerPart = 12
    /// Sets of changes that the search for suggestions makes.
    public static let suggestionWork = 100_000
    /// Sets of changes that the search for suggestions tries.
    public static let suggestionTrials = 128
    /// Tuples that the search for suggestions follows back from the subject, one step after the other.
    public static let suggestionScan = 16_384
    /// Objects and usersets in which the subject is already that one suggestion's place is given.
    public static let candidatesPerPlace = 4
    /// Bytes of memory that a node keeps for the past, unless configured otherwise.
    public static let historyBytes = 256 << 20
    /// Filters in one watch.
    public static let watchFilters = 100
}
