// Pemba: exactly-once sessions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import PembaTestSupport
import Testing

@testable import PembaReplica

@Suite struct SessionTableTests {
    private let start = Timestamp(nanoseconds: 1_000_000)

    private func limits(sessions: Int = 4, answers: Int = 3, total: Int = 100) -> SessionLimits {
        var limits = SessionLimits()
        limits.sessions = sessions
        limits.answersPerSession = answers
        limits.answers = total
        return limits
    }

    private func key(_ session: UInt64, _ sequence: UInt64, first: UInt64 = 1) -> IdempotencyKey {
        IdempotencyKey(session: session, sequence: sequence, firstUnacknowledged: first)
    }

    private func refusal(_ admission: SessionTable.Admission) -> ErrorCode? {
        if case .refused(let error) = admission { return error.code }
        return nil
    }

    /// Does a write in a session as the state machine would.
    private func write(_ table: inout SessionTable, _ key: IdempotencyKey, at index: UInt64) -> SessionTable.Admission {
        let admission = table.admit(key, at: LogIndex(index), time: start)
        if admission == .new { table.record(key, .success(.written(Revision(index), WriteCounts()))) }
        return admission
    }

    @Test func aRetriedWriteIsAnsweredAsAtFirst() {
        var table = SessionTable(limits: limits())
        table.open(at: LogIndex(1), time: start)
        #expect(write(&table, key(1, 1), at: 2) == .new)
        let error = ServiceError(.alreadyExists, "there")
        #expect(table.admit(key(1, 2), at: LogIndex(3), time: start) == .new)
        table.record(key(1, 2), .failure(error))
        #expect(write(&table, key(1, 1), at: 4) == .answered(.success(.written(Revision(2), WriteCounts()))))
        #expect(write(&table, key(1, 2), at: 5) == .answered(.failure(error)))
    }

    @Test func writesMayArriveOutOfOrder() {
        var table = SessionTable(limits: limits())
        table.open(at: LogIndex(1), time: start)
        #expect(write(&table, key(1, 3), at: 2) == .new)
        #expect(write(&table, key(1, 1), at: 3) == .new)
        #expect(write(&table, key(1, 2), at: 4) == .new)
        #expect(write(&table, key(1, 1), at: 5) == .answered(.success(.written(Revision(3), WriteCounts()))))
        #expect(write(&table, key(1, 3), at: 6) == .answered(.success(.written(Revision(2), WriteCounts()))))
    }

    @Test func unknownSessionsAreAnErrorOfUnknownOutcome() {
        var table = SessionTable(limits: limits())
        let admission = write(&table, key(9, 1), at: 2)
        #expect(refusal(admission) == .unknownSession)
        #expect(ErrorCode.unknownSession.outcomeIsKnown == false)
        #expect(table.count == 0)
    }

    @Test func acknowledgedAnswersAreForgotten() {
        var table = SessionTable(limits: limits())
        table.open(at: LogIndex(1), time: start)
        _ = write(&table, key(1, 1), at: 2)
        _ = write(&table, key(1, 2), at: 3)
        #expect(write(&table, key(1, 3, first: 2), at: 4) == .new)
        #expect(table.answerCount == 2)
        #expect(refusal(write(&table, key(1, 1), at: 5)) == .unknownSession)
        #expect(write(&table, key(1, 2), at: 6) == .answered(.success(.written(Revision(3), WriteCounts()))))
    }

    @Test func aSessionHoldsSoManyAnswers() {
        var table = SessionTable(limits: limits(answers: 2))
        table.open(at: LogIndex(1), time: start)
        _ = write(&table, key(1, 1), at: 2)
        _ = write(&table, key(1, 2), at: 3)
        #expect(refusal(write(&table, key(1, 3), at: 4)) == .limitExceeded)
        #expect(write(&table, key(1, 3, first: 2), at: 5) == .new)
    }

    @Test func theLeastRecentlyUsedGoesFirst() {
        var table = SessionTable(limits: limits(sessions: 3))
        for index in 1...3 as ClosedRange<UInt64> { table.open(at: LogIndex(index), time: start) }
        _ = write(&table, key(1, 1), at: 4)
        table.open(at: LogIndex(5), time: start)
        #expect(table.ordered().map(\.id) == [3, 1, 5])
        #expect(refusal(write(&table, key(2, 1), at: 6)) == .unknownSession)
        #expect(write(&table, key(1, 1), at: 7) == .answered(.success(.written(Revision(4), WriteCounts()))))
    }

    @Test func manyAnswersCloseTheLeastRecentlyUsed() {
        var table = SessionTable(limits: limits(sessions: 4, answers: 3, total: 4))
        table.open(at: LogIndex(1), time: start)
        table.open(at: LogIndex(2), time: start)
        for sequence in 1...3 as ClosedRange<UInt64> { _ = write(&table, key(1, sequence), at: 2 + sequence) }
        for sequence in 1...2 as ClosedRange<UInt64> { _ = write(&table, key(2, sequence), at: 5 + sequence) }
        #expect(table.ordered().map(\.id) == [2])
        #expect(table.answerCount == 2)
    }

    @Test func sessionsEndAnHourAfterTheirLastUseByTheLogsTime() {
        let hour: Int64 = 3_600_000_000_000
        var table = SessionTable(limits: limits())
        table.open(at: LogIndex(1), time: Timestamp(nanoseconds: 0))
        table.open(at: LogIndex(2), time: Timestamp(nanoseconds: 5))
        _ = table.admit(key(1, 1), at: LogIndex(3), time: Timestamp(nanoseconds: 10))
        table.record(key(1, 1), .success(.written(Revision(3), WriteCounts())))
        table.expire(at: Timestamp(nanoseconds: hour + 5))
        #expect(table.ordered().map(\.id) == [2, 1])
        table.expire(at: Timestamp(nanoseconds: hour + 6))
        #expect(table.ordered().map(\.id) == [1])
        table.expire(at: Timestamp(nanoseconds: hour + 11))
        #expect(table.count == 0)
        #expect(table.contentHash == 0)
        #expect(table.answerCount == 0)
    }

    /// The table against a plain model, and against a copy restored from its content: same answers, same hash.
    @Test func theTableAgreesWithAModel() throws {
        for seed in Seeds(short: 60, full: 5_000) {
            var random = SeededRandom(seed: seed)
            var table = SessionTable(limits: limits(sessions: 5, answers: 4, total: 12))
            var model = SessionModel(sessions: 5, answers: 4, total: 12)
            for index in 1...UInt64(200) {
                if random.chance(1, in: 5) {
                    table.open(at: LogIndex(index), time: start)
                    model.open(index)
                } else {
                    let session = 1 + random.below(index)
                    let sequence = 1 + random.below(UInt64(8))
                    let key = key(session, sequence, first: 1 + random.below(sequence))
                    let expected = model.write(key, at: index)
                    let outcome: String
                    switch write(&table, key, at: index) {
                    case .new: outcome = "new"
                    case .answered(.success(.written(let revision, _))): outcome = "answered \(revision)"
                    case .answered(.success(let other)): outcome = "\(other)"
                    case .answered(.failure): outcome = "failed"
                    case .refused(let error): outcome = "\(error.code)"
                    }
                    #expect(outcome == expected, "\(Seeds.replay(seed, "SessionTableTests"))")
                }
                #expect(table.ordered().map(\.id) == model.order, "\(Seeds.replay(seed, "SessionTableTests"))")
            }
            var copy = SessionTable(limits: limits(sessions: 5, answers: 4, total: 12))
            for session in table.ordered() {
                try copy.restore(
                    SessionTable.Session(
                        id: session.id,
                        lastUsed: session.lastUsed,
                        usedAt: session.usedAt,
                        firstUnacknowledged: session.firstUnacknowledged
                    )
                )
                for answer in session.answers { try copy.restore(answer) }
            }
            #expect(copy.contentHash == table.contentHash)
            #expect(copy.answerCount == table.answerCount)
        }
    }

    @Test func restoringRefusesDisorder() throws {
        var table = SessionTable(limits: limits())
        table.open(at: LogIndex(5), time: start)
        let older = SessionTable.Session(
            id: 3,
            lastUsed: LogIndex(3),
            usedAt: start,
            firstUnacknowledged: 1
        )
        #expect(throws: SnapshotError.self) { try table.restore(older) }
        try table.restore(SessionAnswer(sequence: 2, result: .success(.written(.zero, WriteCounts()))))
        #expect(throws: SnapshotError.self) {
            try table.restore(SessionAnswer(sequence: 2, result: .success(.written(.zero, WriteCounts()))))
        }
    }

    @Test func answersOfAnyLengthFit() throws {
        let long = String(repeating: "ß", count: 10_000)
        let error = ServiceError(.invalidArgument, long, details: Array(repeating: .init(long, long), count: 100))
        let answer = SessionAnswer(sequence: 1, result: .failure(SessionAnswer.bounded(error)))
        var writer = ByteWriter()
        answer.encode(into: &writer)
        #expect(writer.bytes.count < 64 << 10)
        try writer.bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            let read = try SessionAnswer(reading: &reader)
            #expect(read == answer)
            #expect(reader.isAtEnd)
        }
    }
}

/// The rules of client sessions, written down plainly.
private struct SessionModel {
    let sessions: Int
    let answers: Int
    let total: Int
    /// From the least to the most recently used.
    var order: [UInt64] = []
    var first: [UInt64: UInt64] = [:]
    var kept: [UInt64: [UInt64: UInt64]] = [:]

    init(sessions: Int, answers: Int, total: Int) {
        self.sessions = sessions
        self.answers = answers
        self.total = total
    }

    mutating func open(_ index: UInt64) {
        if order.count == sessions { close(order[0]) }
        order.append(index)
        first[index] = 1
        kept[index] = [:]
    }

    mutating func close(_ id: UInt64) {
        order.removeAll { $0 == id }
        first[id] = nil
        kept[id] = nil
    }

    mutating func write(_ key: IdempotencyKey, at index: UInt64) -> String {
        guard let known = first[key.session] else { return "unknownSession" }
        order.removeAll { $0 == key.session }
        order.append(key.session)
        let lowest = max(known, key.firstUnacknowledged)
        first[key.session] = lowest
        kept[key.session] = kept[key.session]?.filter { $0.key >= lowest }
        if key.sequence < lowest { return "unknownSession" }
        if let revision = kept[key.session]?[key.sequence] { return "answered \(revision)" }
        if kept[key.session]?.count == answers { return "limitExceeded" }
        kept[key.session]?[key.sequence] = index
        while kept.values.reduce(0, { $0 + $1.count }) > total, order[0] != key.session { close(order[0]) }
        return "new"
    }
}
