// Pemba: the state machine once more, as plainly as it can be written.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaReplica
import PembaSchema
import PembaService

/// What the log means, by sets and loops: no index, no interning, no memo.
///
/// Shares only the schema compiler and the encoding of commands with what it checks.
struct ReferenceState {
    /// What applying a command did.
    struct Applied {
        /// The number in the write's tag; nil for what is not a write.
        var tag: UInt64?
        /// The entry.
        var index: LogIndex
        /// What was answered.
        var result: Result<Revision, ErrorCode>
        /// Whether it was done now, rather than answered from a session.
        var isFirst: Bool
    }

    /// A client session.
    private struct Session {
        var firstUnacknowledged: UInt64 = 1
        var answers: [UInt64: Result<Revision, ErrorCode>] = [:]
        var usedAt: Timestamp
    }

    private(set) var index: LogIndex = .zero
    /// What the last entry changed.
    private(set) var changes: [TupleChange] = []
    /// The log's time.
    private var time = Timestamp.zero
    private var schema: CompiledSchema?
    private var tuplesOf: [ObjectReference: Set<RelationTuple>] = [:]
    /// Those of the tuples that will expire.
    private var expiring: Set<RelationTuple> = []
    private var sessions: [UInt64: Session] = [:]

    /// The resource id of the tag in every write of the workload.
    static let tagPrefix = "tag-"

    /// Applies the next entry.
    mutating func apply(_ entry: LogEntry) throws(Violation) -> Applied? {
        guard entry.index == index.next else { throw Violation("the chain has a gap before \(entry.index)") }
        index = entry.index
        time = entry.timestamp
        changes = []
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
        case .write(let request):
            let (result, isFirst) = write(request)
            return Applied(tag: ReferenceState.tag(of: request), index: index, result: result, isFirst: isFirst)
        case .advanceTime, .audit:
            return nil
        case .delete, .set, .importTuples:
            throw Violation("entry \(entry.index) has a command that the workload does not know")
        }
    }

    private static func tag(of request: WriteRequest) -> UInt64? {
        for precondition in request.preconditions {
            guard let id = precondition.filter.resourceID, id.hasPrefix(tagPrefix) else { continue }
            return UInt64(id.dropFirst(tagPrefix.count))
        }
        return nil
    }

    private mutating func write(_ request: WriteRequest) -> (result: Result<Revision, ErrorCode>, isFirst: Bool) {
        guard let key = request.idempotencyKey else { return (execute(request), true) }
        guard var session = sessions[key.session] else { return (.failure(.unknownSession), false) }
        session.usedAt = time
        session.firstUnacknowledged = max(session.firstUnacknowledged, key.firstUnacknowledged)
        session.answers = session.answers.filter { $0.key >= session.firstUnacknowledged }
        defer { sessions[key.session] = session }
        guard key.sequence >= session.firstUnacknowledged else { return (.failure(.unknownSession), false) }
        if let answer = session.answers[key.sequence] { return (answer, false) }
        let result = execute(request)
        session.answers[key.sequence] = result
        return (result, true)
    }

    private mutating func execute(_ request: WriteRequest) -> Result<Revision, ErrorCode> {
        if Set(request.updates.map(\.tuple.key)).count < request.updates.count { return .failure(.duplicateUpdate) }
        for precondition in request.preconditions {
            if let code = problem(of: precondition.filter) { return .failure(code) }
        }
        for update in request.updates {
            let isDeletion = update.operation == .delete
            if let code = problem(of: update.tuple, in: schema, ofAnyTime: isDeletion) { return .failure(code) }
        }
        for precondition in request.preconditions {
            let matches = hasMatch(precondition.filter)
            if matches != (precondition.kind == .mustMatch) { return .failure(.preconditionFailed) }
        }
        for update in request.updates where update.operation == .create {
            if stored(update.tuple) != nil { return .failure(.alreadyExists) }
        }
        for update in request.updates {
            // What has expired before it is written is not there.
            let isGone = update.operation == .delete || isOver(update.tuple)
            replace(stored(update.tuple), by: isGone ? nil : update.tuple)
        }
        return .success(Revision(index))
    }

    private mutating func replace(_ old: RelationTuple?, by new: RelationTuple?) {
        guard old != new else { return }
        if let old { forget(old) }
        if let new {
            tuplesOf[new.resource, default: []].insert(new)
            if new.expiresAt != nil { expiring.insert(new) }
            changes.append(TupleChange(old == nil ? .created : .touched, new))
        } else if let old {
            changes.append(TupleChange(.deleted, old))
        }
    }

    private mutating func forget(_ tuple: RelationTuple) {
        tuplesOf[tuple.resource]?.remove(tuple)
        expiring.remove(tuple)
    }

    /// The tuple that names the same, whatever its times.
    private func stored(_ tuple: RelationTuple) -> RelationTuple? {
        tuplesOf[tuple.resource]?.first { $0.key == tuple.key }
    }

    private func isOver(_ tuple: RelationTuple) -> Bool { tuple.expiresAt.map { $0 <= time } ?? false }

    private func hasMatch(_ filter: RelationshipFilter) -> Bool {
        if let type = filter.resourceType, let id = filter.resourceID {
            return tuplesOf[ObjectReference(type: type, id: id)]?.contains { filter.matches($0) } == true
        }
        return tuplesOf.values.contains { tuples in tuples.contains { filter.matches($0) } }
    }

    private mutating func replaceSchema(_ source: String) {
        guard let new = try? SchemaCompiler.compile(source) else { return }
        let fits = tuplesOf.values.allSatisfy { tuples in tuples.allSatisfy { problem(of: $0, in: new) == nil } }
        guard fits else { return }
        schema = new
    }

    private func problem(of filter: RelationshipFilter) -> ErrorCode? {
        guard let schema else { return .noSchema }
        guard let type = filter.resourceType else { return nil }
        return schema.definitions.contains { $0.name == type } ? nil : .unknownDefinition
    }

    private func problem(
        of tuple: RelationTuple,
        in schema: CompiledSchema?,
        ofAnyTime isOfAnyTime: Bool = false
    ) -> ErrorCode? {
        guard let schema else { return .noSchema }
        guard let definition = schema.definitions.first(where: { $0.name == tuple.resource.type }) else {
            return .unknownDefinition
        }
        guard let relation = definition.relations.first(where: { $0.name == tuple.relation }) else {
            return .unknownRelation
        }
        guard case .relation(let allowed) = relation.kind else { return .cannotWritePermission }
        let isAdmitted = allowed.contains { allowed in
            let type = schema.definitions[allowed.definition]
            guard type.name == tuple.subject.object.type else { return false }
            guard isOfAnyTime || allowed.hasExpiration == !tuple.isPlain else { return false }
            return switch allowed.form {
            case .object: tuple.subject.relation == nil && !tuple.subject.isWildcard
            case .wildcard: tuple.subject.relation == nil && tuple.subject.isWildcard
            case .userset(let number): tuple.subject.relation == type.relations[number].name
            }
        }
        return isAdmitted ? nil : .subjectNotAllowed
    }

    /// Answers a check by the definition of what it means.
    func check(_ item: CheckItem) -> Result<Bool, ErrorCode> {
        guard let schema else { return .failure(.noSchema) }
        guard let definition = schema.definitions.first(where: { $0.name == item.resource.type }) else {
            return .failure(.unknownDefinition)
        }
        guard definition.relations.contains(where: { $0.name == item.permission }) else {
            return .failure(.unknownRelation)
        }
        return .success(ReferenceEvaluator(schema: schema, tuplesOf: tuplesOf, time: time, item: item).has(item))
    }
}
