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
    /// Client sessions kept for exactly-once writes; the least recently used go first.
    public static let clientSessions = 65_536
    /// How long an unused client session is kept, by the log's time.
    public static let clientSessionLifetime = TimeSpan.seconds(3_600)
    /// Answers kept in one client session: the most writes that it can have in flight.
    public static let answersPerSession = 1_024
    /// Entities that one evaluation may visit before it ends with an error, unless configured otherwise.
    public static let evaluationVisits = 1_000_000
    /// Entities that one evaluation visits before others get their turn.
    public static let evaluationSlice = 4_096
}
