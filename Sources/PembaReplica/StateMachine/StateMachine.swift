// Pemba: the replicated state machine.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaGraph
package import PembaRaft
package import PembaSchema
package import PembaService

/// Everything that the log says: tuples, schema, client sessions and the log's own time.
///
/// Applying the same entries gives the same state and the same answers on every node: nothing here sees a clock, a random
/// number or the order of a dictionary. Confined to one thread.
package final class StateMachine {
    /// The tuples and the schema that they follow.
    package let graph: Graph
    /// The client sessions.
    package internal(set) var sessions: SessionTable
    /// The last entry applied; only grows.
    package internal(set) var index: LogIndex = .zero
    /// The term of that entry.
    package internal(set) var term: Term = .zero
    /// The log's time: the timestamp of that entry; never goes back.
    package internal(set) var timestamp: Timestamp = .zero
    /// The configuration in the last configuration entry applied; without voters before the first.
    package internal(set) var configuration = RaftConfiguration(voters: [])
    /// The hash of the schema's source; 0 while there is none.
    var schemaHash: UInt64 = 0
    /// The snapshot being written, if any.
    var snapshotStream: SnapshotStream?
    /// What the last entry applied says about a node's state; no part of the state.
    private var heard: (NodeID, AuditStatement)?

    /// Expired tuples that one entry takes out; more wait for the entries after it, and are not seen meanwhile.
    private static let expiriesPerEntry = 1_000

    /// An empty state, before the first entry.
    ///
    /// `hashSeed` protects the graph's index against chosen ids; it differs between nodes and changes no result.
    package init(
        capacity: GraphCapacity,
        hashSeed: UInt64,
        history: HistoryLimits = .standard,
        sessionLimits: SessionLimits = SessionLimits()
    ) {
        graph = Graph(capacity: capacity, hashSeed: hashSeed, history: history)
        sessions = SessionTable(limits: sessionLimits)
    }

    /// The schema in force; nil before the first is written.
    package var schema: CompiledSchema? { graph.schema }

    /// The revision of the state: the index of the last entry applied.
    package var revision: Revision { Revision(index) }

    /// The last entry applied, as Raft names it.
    package var point: RaftSnapshotPoint {
        RaftSnapshotPoint(index: index, term: term, timestamp: timestamp, configuration: configuration)
    }

    /// Equal on all nodes at equal revisions.
    package var stateHash: UInt64 {
        var hasher = StateHasher(domain: 3)
        hasher.combine(index.rawValue)
        hasher.combine(term.rawValue)
        hasher.combine(UInt64(bitPattern: timestamp.nanoseconds))
        hasher.combine(graph.contentHash.low)
        hasher.combine(graph.contentHash.high)
        hasher.combine(schemaHash)
        hasher.combine(sessions.contentHash)
        hasher.combine(configuration.encoded)
        return hasher.value
    }

    /// The state's hash as manifests of snapshots hold it: 16 bytes, `stateHash` and half of the tuples' own.
    package var stateHashBytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.integer(stateHash)
        writer.integer(graph.contentHash.low)
        return writer.bytes
    }

    /// What applying an entry with a command did, and for whom.
    package struct Applied: Sendable {
        /// The node whose client asked.
        package let origin: NodeID
        /// The origin's number for it.
        package let request: UInt64
        /// What to answer.
        package let result: Result<CommandOutcome, ServiceError>
    }

    /// Makes ready what applying an entry takes, a bounded piece of work in each call; true once it is.
    ///
    /// Some filters are searched for in an order that is only made when it is needed, which takes long in a large graph.
    /// Applying an entry that is not prepared does the same, without a pause.
    package func prepare(_ entry: LogEntry) -> Bool {
        guard entry.kind == .command else { return true }
        let (preconditions, deletion) = Proposal.filters(of: entry.payload)
        return preconditions.allSatisfy { graph.prepareMatch($0, at: entry.timestamp) }
            && (deletion.map { graph.prepareSearch($0) } ?? true)
    }

    /// What the last entry applied says about a node's state, once.
    func takeStatement() -> (NodeID, AuditStatement)? { heard.take() }

    /// Applies the entry after the last one; nil for entries that answer nobody.
    ///
    /// An entry that this version cannot read stops the node: skipping it would make this state differ from the others'.
    package func apply(_ entry: LogEntry) -> Applied? {
        precondition(entry.index == index.next, "entry \(entry.index) was to be applied after entry \(index)")
        precondition(timestamp <= entry.timestamp, "the time of entry \(entry.index) goes back")
        index = entry.index
        term = entry.term
        timestamp = entry.timestamp
        sessions.expire(at: timestamp)
        graph.begin(revision, time: timestamp)
        graph.collectExpired(limit: StateMachine.expiriesPerEntry)
        switch entry.kind {
        case .noop:
            return nil
        case .configuration:
            configuration = StateMachine.read(entry) { entry throws(ByteError) in
                try RaftConfiguration(payload: entry.payload)
            }
            return nil
        case .command:
            let proposal = StateMachine.read(entry) { entry throws(ByteError) in
                try Proposal(decoding: entry.payload)
            }
            if case .audit(let statement) = proposal.command { heard = (proposal.origin, statement) }
            guard let result = perform(proposal.command) else { return nil }
            return Applied(origin: proposal.origin, request: proposal.request, result: result)
        }
    }

    /// Reads an entry's payload, or stops the node.
    private static func read<Content>(
        _ entry: LogEntry,
        as decode: (LogEntry) throws(ByteError) -> Content
    ) -> Content {
        do {
            return try decode(entry)
        } catch {
            preconditionFailure(
                "entry \(entry.index) of term \(entry.term) cannot be read by this version (\(error)); this node must not "
                    + "skip it: upgrade it"
            )
        }
    }

    /// Does a command; nil if nobody waits for an answer.
    private func perform(_ command: ClientCommand) -> Result<CommandOutcome, ServiceError>? {
        switch command {
        case .openSession:
            sessions.open(at: index, time: timestamp)
            return .success(.sessionOpened(index.rawValue))
        case .write(let request):
            return once(command) { () throws(ServiceError) in try write(request) }
        case .delete(let request):
            return once(command) { () throws(ServiceError) in try delete(request) }
        case .set(let request):
            return once(command) { () throws(ServiceError) in try set(request) }
        case .importTuples(let request):
            return once(command) { () throws(ServiceError) in try importTuples(request) }
        case .writeSchema(let source):
            return writeSchema(source).map { .schemaWritten(revision) }
        case .advanceTime, .audit:
            return nil
        }
    }
}
