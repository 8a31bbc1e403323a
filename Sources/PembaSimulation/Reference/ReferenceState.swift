// Pemba: the state machine once more, as plainly as it can be written.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaSchema
import PembaService

/// What the log means, by sets and loops: no index, no interning, no memo.
///
/// Shares only the schema compiler, the encoding of commands and the order of reads with what it checks.
struct ReferenceState {
    /// What a write did.
    struct Done: Equatable {
        /// The revision that first has it.
        var revision: Revision
        /// How many tuples it changed; of an import, how many it added.
        var changed: Int
    }

    /// What applying a command did.
    struct Applied {
        /// The number in the write's tag; nil for what is not a write.
        var tag: UInt64?
        /// The entry.
        var index: LogIndex
        /// What was answered.
        var result: Result<Done, ErrorCode>
        /// Whether it was done now, rather than answered from a session.
        var isFirst: Bool
    }

    /// A client session.
    private struct Session {
        var firstUnacknowledged: UInt64 = 1
        var answers: [UInt64: Result<Done, ErrorCode>] = [:]
        var usedAt: Timestamp
    }

    private(set) var index: LogIndex = .zero
    /// What the last entry changed.
    var changes: [TupleChange] = []
    /// What its writer says of it.
    private(set) var metadata = ContextObject.empty
    /// The log's time.
    private(set) var time = Timestamp.zero
    private(set) var schema: CompiledSchema?
    var tuplesOf: [ObjectReference: Set<RelationTuple>] = [:]
    /// Those of the tuples that will expire.
    var expiring: Set<RelationTuple> = []
    private var sessions: [UInt64: Session] = [:]

    /// Applies the next entry.
    mutating func apply(_ entry: LogEntry) throws(Violation) -> Applied? {
        guard entry.index == index.next else { throw Violation("the chain has a gap before \(entry.index)") }
        index = entry.index
        time = entry.timestamp
        changes = []
        metadata = .empty
        for tuple in expiring where isOver(tuple) {
            forget(tuple)
            changes.append(TupleChange(.expired, tuple))
        }
        let lifetime = Int64(Limits.clientSessionLifetime.nanoseconds)
        sessions = sessions.filter { entry.timestamp.nanoseconds - $0.value.usedAt.nanoseconds <= lifetime }
        guard entry.kind == .command else { return nil }
        let proposal: Proposal
        do throws(ByteError) {
            proposal = try Proposal(decoding: entry.payload)
        } catch {
            throw Violation("entry \(entry.index) cannot be read: \(error)")
        }
        switch proposal.command {
        case .openSession:
            sessions[index.rawValue] = Session(usedAt: entry.timestamp)
            return nil
        case .writeSchema(let source):
            replaceSchema(source)
            return nil
        case .write, .delete, .set, .importTuples:
            let (result, isFirst) = once(proposal.command)
            if isFirst, case .success = result { metadata = Workload.metadata(of: proposal.command) }
            return Applied(tag: Workload.tag(of: proposal.command), index: index, result: result, isFirst: isFirst)
        case .advanceTime, .audit:
            return nil
        }
    }

    /// Does a write, unless its session has done it.
    private mutating func once(_ command: ClientCommand) -> (result: Result<Done, ErrorCode>, isFirst: Bool) {
        guard let key = command.idempotencyKey else { return (execute(command), true) }
        guard var session = sessions[key.session] else { return (.failure(.unknownSession), false) }
        session.usedAt = time
        session.firstUnacknowledged = max(session.firstUnacknowledged, key.firstUnacknowledged)
        session.answers = session.answers.filter { $0.key >= session.firstUnacknowledged }
        defer { sessions[key.session] = session }
        guard key.sequence >= session.firstUnacknowledged else { return (.failure(.unknownSession), false) }
        if let answer = session.answers[key.sequence] { return (answer, false) }
        let result = execute(command)
        session.answers[key.sequence] = result
        return (result, true)
    }

    /// Replaces the schema, if it compiles and admits what is stored.
    private mutating func replaceSchema(_ source: String) {
        guard let new = try? SchemaCompiler.compile(source) else { return }
        let fits = tuplesOf.values.allSatisfy { tuples in tuples.allSatisfy { problem(of: $0, in: new) == nil } }
        guard fits else { return }
        schema = new
    }

    /// Answers a check by the definition of what it means.
    ///
    /// A condition that cannot be decided may hold or not. As nothing under a condition is ever subtracted, all of them
    /// holding gives the most, and none of them the least: where the two differ, the answer depends on them.
    func check(_ item: CheckItem) -> Result<Permissionship, ErrorCode> {
        guard let schema else { return .failure(.noSchema) }
        guard let definition = schema.definitions.first(where: { $0.name == item.resource.type }) else {
            return .failure(.unknownDefinition)
        }
        guard definition.relations.contains(where: { $0.name == item.permission }) else {
            return .failure(.unknownRelation)
        }
        var least = ReferenceEvaluator(schema: schema, time: time, item: item, ifUndecided: false)
        if least.has(tuplesOf) { return .success(.hasPermission) }
        guard least.isUndecided else { return .success(.noPermission) }
        var most = ReferenceEvaluator(schema: schema, time: time, item: item, ifUndecided: true)
        return .success(most.has(tuplesOf) ? .conditional : .noPermission)
    }
}
