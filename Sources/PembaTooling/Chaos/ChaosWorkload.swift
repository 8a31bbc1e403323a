// Pemba: what clients do in a run.
// SPDX-License-Identifier: Apache-2.0

import PembaClient
import PembaCore
import PembaService

/// Tasks that write, check and provoke the new-enemy problem, each through a client of its own, until cancelled.
struct ChaosWorkload: Sendable {
    /// Tuples for each writer: few, so that each is written often and checks meet changes.
    private static let tuplesPerWriter = 20

    private let options: ChaosRun.Options
    private let target: ClusterTarget
    private let recorder: ChaosRecorder

    init(_ options: ChaosRun.Options, _ target: ClusterTarget, _ recorder: ChaosRecorder) {
        self.options = options
        self.target = target
        self.recorder = recorder
    }

    /// Runs until the task is cancelled; errors of single requests are part of the history.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<options.writers {
                group.addTask { try await target.withClient { await write($0, writer: writer) } }
            }
            for checker in 0..<options.checkers {
                group.addTask { try await target.withClient { await check($0, checker: checker) } }
            }
            group.addTask { try await target.withClient { await provoke($0) } }
            try await group.waitForAll()
        }
    }

    private static func tuple(writer: Int, number: Int) -> RelationTuple {
        RelationTuple(
            resource: ObjectReference(type: "doc", id: "w\(writer)-\(number)"),
            relation: "viewer",
            subject: SubjectReference(type: "user", id: "reader")
        )
    }

    private func write(_ client: PembaClient, writer: Int) async {
        var random = SeededRandom(seed: options.seed &+ UInt64(writer) &* 1_000_003)
        var isPresent = [Bool?](repeating: false, count: ChaosWorkload.tuplesPerWriter)
        while !Task.isCancelled {
            let number = random.below(ChaosWorkload.tuplesPerWriter)
            let tuple = ChaosWorkload.tuple(writer: writer, number: number)
            let operation: TupleUpdate.Operation
            switch isPresent[number] {
            case true?: operation = .delete
            case false?: operation = .create
            case nil: operation = random.chance(1, in: 2) ? .touch : .delete
            }
            let outcome = await record(client, operation, tuple)
            switch outcome {
            case .acknowledged: isPresent[number] = operation != .delete
            case .unknown: isPresent[number] = nil
            case .refused(.alreadyExists): isPresent[number] = true
            case .refused: break
            }
        }
    }

    private func record(
        _ client: PembaClient,
        _ operation: TupleUpdate.Operation,
        _ tuple: RelationTuple
    ) async -> ChaosHistory.WriteOutcome {
        let began = recorder.now()
        let outcome: ChaosHistory.WriteOutcome
        do {
            outcome = .acknowledged(
                try await client.write(WriteRequest(updates: [TupleUpdate(operation, tuple)])).zookie.revision
            )
        } catch {
            outcome = error.outcomeIsKnown ? .refused(error.serviceError?.code ?? .unavailable) : .unknown
        }
        let write = ChaosHistory.Write(
            tuple: tuple,
            operation: operation,
            began: began,
            ended: recorder.now(),
            outcome: outcome
        )
        await recorder.record(write)
        return outcome
    }

    private func check(_ client: PembaClient, checker: Int) async {
        var random = SeededRandom(seed: options.seed &+ UInt64(checker) &* 7_777_777)
        var latest: Zookie?
        while !Task.isCancelled {
            let tuple = ChaosWorkload.tuple(
                writer: random.below(options.writers),
                number: random.below(ChaosWorkload.tuplesPerWriter)
            )
            let consistency: Consistency
            switch (random.below(3), latest) {
            case (0, let latest?): consistency = .atLeastAsFresh(latest)
            case (1, _): consistency = .fullyConsistent
            default: consistency = .minimizeLatency
            }
            let began = recorder.now()
            let item = CheckItem(resource: tuple.resource, permission: tuple.relation, subject: tuple.subject)
            guard let answer = try? await client.check(item, consistency: consistency) else { continue }
            if answer.zookie.revision > latest?.revision ?? .zero { latest = answer.zookie }
            let check = ChaosHistory.Check(
                tuple: tuple,
                consistency: consistency,
                began: began,
                ended: recorder.now(),
                answer: answer
            )
            await recorder.record(check)
        }
    }

    /// The cases of the Zanzibar paper, section 2.2, and one with an exclusion, each with objects of its own.
    private func provoke(_ client: PembaClient) async {
        var round = 0
        while !Task.isCancelled {
            round += 1
            _ = try? await revokedMembership(client, round)
            _ = try? await revokedReader(client, round)
            _ = try? await exclusionFirst(client, round)
        }
    }

    /// Bob is removed from a folder, then a document is put into it: the order of access lists must hold.
    private func revokedMembership(_ client: PembaClient, _ round: Int) async throws {
        let membership = try RelationTuple(parsing: "folder:m\(round)#viewer@user:bob")
        let placement = try RelationTuple(parsing: "doc:m\(round)#parent@folder:m\(round)")
        _ = try await client.write(WriteRequest(updates: [TupleUpdate(.touch, membership)]))
        _ = try await client.write(WriteRequest(updates: [TupleUpdate(.delete, membership)]))
        let zookie = try await client.write(WriteRequest(updates: [TupleUpdate(.touch, placement)])).zookie
        try await requireDenied(client, "revoked membership", "doc:m\(round)#view@user:bob", after: zookie)
    }

    /// Bob loses a document, then its content changes: whoever holds the new content's token must not see him in.
    private func revokedReader(_ client: PembaClient, _ round: Int) async throws {
        let reader = try RelationTuple(parsing: "doc:r\(round)#viewer@user:bob")
        _ = try await client.write(WriteRequest(updates: [TupleUpdate(.touch, reader)]))
        _ = try await client.write(WriteRequest(updates: [TupleUpdate(.delete, reader)]))
        let item = try CheckItem(parsing: "doc:r\(round)#view@user:author")
        let contentChange = try await client.check(item, consistency: .fullyConsistent)
        try await requireDenied(client, "revoked reader", "doc:r\(round)#view@user:bob", after: contentChange.zookie)
    }

    /// Bob is banned, then made a viewer: the later grant must not be seen without the earlier ban.
    private func exclusionFirst(_ client: PembaClient, _ round: Int) async throws {
        let ban = try RelationTuple(parsing: "doc:x\(round)#banned@user:bob")
        let grant = try RelationTuple(parsing: "doc:x\(round)#viewer@user:bob")
        _ = try await client.write(WriteRequest(updates: [TupleUpdate(.touch, ban)]))
        let zookie = try await client.write(WriteRequest(updates: [TupleUpdate(.touch, grant)])).zookie
        try await requireDenied(client, "exclusion first", "doc:x\(round)#read@user:bob", after: zookie)
    }

    private func requireDenied(
        _ client: PembaClient,
        _ name: String,
        _ question: String,
        after zookie: Zookie
    ) async throws {
        let item = try CheckItem(parsing: question)
        // Several times, so that every node is asked.
        for attempt in 0..<6 {
            let consistency: Consistency = attempt % 3 == 2 ? .fullyConsistent : .atLeastAsFresh(zookie)
            guard let answer = try? await client.check(item, consistency: consistency) else { continue }
            await recorder.record(
                ChaosHistory.NewEnemy(name: name, item: item, after: zookie.revision, answer: answer)
            )
        }
    }
}
