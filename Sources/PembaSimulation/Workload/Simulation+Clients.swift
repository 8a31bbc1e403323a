// Pemba: what simulated clients do next, and what they make of answers.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import PembaCore
import PembaReplica
import PembaService

extension Simulation {
    /// How often a client sends one thing.
    private static let attemptsMax = 6

    /// A client without anything to do begins something.
    func clientActs(_ place: Int) throws(Violation) {
        let client = clients[place]
        guard client.operation == nil else { return }
        if isHealing {
            guard client.wantsFinalWrite else { return }
            let schema = Workload.schema(withEditors: true)
            begin(.schema(schema), of: client)
            return
        }
        begin(nextOperation(of: client), of: client)
    }

    private func nextOperation(of client: SimulatedClient) -> SimulatedClient.Operation.Kind {
        if let step = client.script.popFirst() { return operation(of: step, client) }
        switch client.random.below(100) {
        case 0 where client.newest != nil: return schemaWrite(client)
        case 0..<10 where client.newest == nil: return .schema(Workload.schema(withEditors: false))
        case 1..<40:
            return write(
                client,
                updates: Workload.updates(&client.random, at: SimulatedClock.civil(now)),
                isPlain: false
            )
        case 40..<50:
            client.scriptCount += 1
            client.script.append(
                contentsOf: Script.draw(client: client.place, number: client.scriptCount, &client.random)
            )
            return client.script.popFirst().map { operation(of: $0, client) } ?? .openSession
        case 50..<53: return forged(client)
        default:
            let count = client.random.chance(1, in: 4) ? 2 + client.random.below(3) : 1
            let items = (0..<count).map { _ in Workload.check(&client.random) }
            return .check(items, consistency(client), expected: nil)
        }
    }

    private func operation(of step: ScriptStep, _ client: SimulatedClient) -> SimulatedClient.Operation.Kind {
        switch step {
        case .write(let updates): return write(client, updates: updates, isPlain: true)
        case .check(let item, .full, let expected): return .check([item], .fullyConsistent, expected: expected)
        case .check(let item, .newest, let expected):
            return .check([item], client.newest.map { .atLeastAsFresh($0) } ?? .fullyConsistent, expected: expected)
        }
    }

    private func schemaWrite(_ client: SimulatedClient) -> SimulatedClient.Operation.Kind {
        switch client.random.below(5) {
        case 0: .schema(Workload.brokenSchema)
        case let choice: .schema(Workload.schema(withEditors: choice < 3))
        }
    }

    private func forged(_ client: SimulatedClient) -> SimulatedClient.Operation.Kind {
        let future = Zookie(cluster: Simulation.cluster, epoch: .first, revision: Revision(1 << 40))
        let item = Workload.check(&client.random)
        guard client.random.chance(1, in: 2) else { return .forged(item, future, .futureZookie) }
        switch client.random.below(3) {
        case 0: return .forged(item, Zookie(clusterPrefix: 1, epoch: .first, revision: Revision(1)), .foreignZookie)
        case 1:
            let old = Zookie(cluster: Simulation.cluster, epoch: Epoch(0), revision: Revision(1))
            return .forged(item, old, .expiredZookie)
        default:
            let next = Zookie(cluster: Simulation.cluster, epoch: Epoch(2), revision: Revision(1))
            return .forged(item, next, .futureZookie)
        }
    }

    private func consistency(_ client: SimulatedClient) -> Consistency {
        switch client.random.below(5) {
        case 0: return .minimizeLatency
        case 3: return client.newest.map { .atExactSnapshot($0) } ?? .fullyConsistent
        case 1: return .fullyConsistent
        case 2: return client.newest.map { .atLeastAsFresh($0) } ?? .minimizeLatency
        default:
            // What another client was told, passed on.
            let zookie = clients[client.random.below(clients.count)].newest
            return zookie.map { .atLeastAsFresh($0) } ?? .fullyConsistent
        }
    }

    /// A write, in a session or not; `isPlain`: without conditions, so that it can only fail if nothing can be written.
    private func write(
        _ client: SimulatedClient,
        updates: [TupleUpdate],
        isPlain: Bool
    ) -> SimulatedClient.Operation.Kind {
        let wantsKey = isPlain || client.random.chance(2, in: 3)
        guard !wantsKey || client.session != nil else {
            if isPlain { client.script.removeAll() }
            return .openSession
        }
        let tag = UInt64(history.writes.count)
        var (updates, conditions) = (updates, [Precondition]())
        switch isPlain ? 9 : client.random.below(8) {
        case 0: conditions = [Workload.precondition(&client.random)]
        case 1, 2:
            let change = Workload.compareAndSet(&client.random)
            (updates, conditions) = (change.updates, [change.precondition])
        default: break
        }
        var request = Workload.write(tag: tag, updates: updates, preconditions: conditions)
        if wantsKey, let session = client.session {
            request.idempotencyKey = IdempotencyKey(
                session: session,
                sequence: client.nextSequence,
                firstUnacknowledged: client.nextSequence
            )
            client.nextSequence += 1
        }
        history.writes.append(
            History.Write(tag: tag, request: request, acknowledgedBefore: history.acknowledged, began: now)
        )
        return .write(Int(tag))
    }

    // MARK: - Sending

    private func begin(_ kind: SimulatedClient.Operation.Kind, of client: SimulatedClient) {
        client.operation = SimulatedClient.Operation(kind: kind)
        send(client)
    }

    private func send(_ client: SimulatedClient) {
        guard var operation = client.operation else { return }
        operation.attempts += 1
        operation.acknowledgedBefore = history.acknowledged
        client.operation = operation
        client.attempt += 1
        let timeout = options.electionTimeout.nanoseconds
        let patience = isHealing ? timeout * 2 : timeout / 8 + client.random.below(timeout * 4)
        let request = ClientRequest(
            client: client.place,
            attempt: client.attempt,
            patience: TimeSpan(nanoseconds: patience),
            body: body(of: operation.kind)
        )
        schedule(.request(node: reachable[client.random.below(reachable.count)], request), after: network.delay())
        schedule(.timeout(client: client.place, attempt: client.attempt), after: patience + timeout / 2)
    }

    private func body(of kind: SimulatedClient.Operation.Kind) -> ClientRequest.Body {
        switch kind {
        case .openSession: .command(.openSession)
        case .write(let place): .command(.write(history.writes[place].request))
        case .schema(let source): .command(.writeSchema(source: source))
        case .check(let items, let consistency, _): .check(items, consistency, isPausing: items.count > 3)
        case .forged(let item, let zookie, _): .check([item], .atLeastAsFresh(zookie), isPausing: false)
        }
    }

    private func finish(_ client: SimulatedClient, isScriptBroken: Bool = false) {
        if isScriptBroken { client.script.removeAll() }
        handOver(client)
        let wasInScript = !client.script.isEmpty
        client.operation = nil
        let isQuick = wasInScript || client.random.chance(1, in: 2)
        let pause = client.random.below(options.thinkTime.nanoseconds / (isQuick ? 20 : 1))
        schedule(.act(client: client.place), after: pause)
    }

    /// Now and then another client goes on with the story, with the zookie that it is told of (Z7).
    private func handOver(_ client: SimulatedClient) {
        guard !client.script.isEmpty, client.random.chance(1, in: 3) else { return }
        let other = clients[client.random.below(clients.count)]
        guard other.script.isEmpty, let newest = client.newest else { return }
        swap(&other.script, &client.script)
        counts.storiesHandedOver += 1
        other.learn(newest)
    }

    /// Sends the operation again after a moment, at whichever node, or gives it up.
    private func retry(_ client: SimulatedClient) {
        guard let operation = client.operation else { return }
        var isCheck = false
        if case .check = operation.kind { isCheck = true }
        // A check of long ago, at a state that is kept no more, does not keep the final write waiting.
        if operation.attempts < Simulation.attemptsMax || (client.wantsFinalWrite && !isCheck) {
            send(client)
            return
        }
        if case .write(let place) = operation.kind {
            history.end(place, operation.isUncertain ? .unknown : .notDone, at: now)
            if operation.isUncertain { counts.writesUnknown += 1 } else { counts.writesRefused += 1 }
        }
        finish(client, isScriptBroken: true)
    }

    // MARK: - Answers

    /// No answer came: what was asked may have been done.
    func clientTimesOut(_ place: Int, _ attempt: UInt64) throws(Violation) {
        let client = clients[place]
        guard client.attempt == attempt, client.operation != nil else { return }
        outcomeUnknown(client)
    }

    private func outcomeUnknown(_ client: SimulatedClient) {
        client.operation?.isUncertain = true
        guard case .write(let place)? = client.operation?.kind, history.writes[place].request.idempotencyKey == nil
        else {
            retry(client)
            return
        }
        // A write without a key is not repeated.
        counts.writesUnknown += 1
        finish(client, isScriptBroken: true)
    }

    /// An answer came, if it is one to the last thing sent.
    func clientReceives(_ place: Int, _ attempt: UInt64, _ answer: ClientAnswer) throws(Violation) {
        let client = clients[place]
        guard client.attempt == attempt, let operation = client.operation else { return }
        note(7, UInt64(place), attempt)
        switch answer {
        case .unreachable: retry(client)
        case .command(.success(let outcome)): succeeded(client, operation, outcome)
        case .command(.failure(let error)): failed(client, operation, error)
        case .check(let result): try checkAnswered(client, operation, result)
        }
    }

    private func succeeded(
        _ client: SimulatedClient,
        _ operation: SimulatedClient.Operation,
        _ outcome: CommandOutcome
    ) {
        switch outcome {
        case .sessionOpened(let session):
            client.session = session
            client.nextSequence = 1
            history.acknowledge(Revision(session), at: now)
        case .written(let revision, _), .schemaWritten(let revision), .deleted(let revision, _, _),
            .set(let revision, _, _), .imported(let revision, _, _):
            history.acknowledge(revision, at: now)
            client.learn(Zookie(cluster: Simulation.cluster, epoch: .first, revision: revision))
            if case .write(let place) = operation.kind {
                history.end(place, .acknowledged(revision), at: now)
                counts.writesAcknowledged += 1
                if Workload.isRegister(history.writes[place].request) { counts.registerChanges += 1 }
            }
            if client.wantsFinalWrite { client.noteFinalAnswer() }
        }
        finish(client)
    }

    private func failed(_ client: SimulatedClient, _ operation: SimulatedClient.Operation, _ error: ServiceError) {
        switch error.code {
        case .noLeader, .overloaded, .deadlineExceeded, .unavailable:
            retry(client)
        case .outcomeUnknown:
            outcomeUnknown(client)
        case .unknownSession:
            client.session = nil
            counts.writesUnknown += 1
            finish(client, isScriptBroken: true)
        case .duplicateUpdate, .limitExceeded, .invalidArgument:
            // Refused before the log took it, whatever was sent before.
            if case .write(let place) = operation.kind { history.end(place, .notDone, at: now) }
            counts.writesRefused += 1
            finish(client, isScriptBroken: true)
        default:
            if case .write(let place) = operation.kind { history.end(place, .refused(error.code), at: now) }
            counts.writesRefused += 1
            // A schema that would strand tuples is an answer of a cluster that works.
            if client.wantsFinalWrite { client.noteFinalAnswer() }
            finish(client, isScriptBroken: true)
        }
    }

    private func checkAnswered(
        _ client: SimulatedClient,
        _ operation: SimulatedClient.Operation,
        _ result: Result<CheckedItems, ServiceError>
    ) throws(Violation) {
        switch (operation.kind, result) {
        case (.forged(_, let zookie, let code), .failure(let error)):
            if error.code == code || error.code.retry != .never || error.code == .revisionNotReached {
                finish(client)
            } else {
                throw Violation("the zookie of revision \(zookie.revision) was refused with \(error.code), not \(code)")
            }
        case (.forged(_, let zookie, _), .success):
            throw Violation("the zookie of revision \(zookie.revision), which was never issued, was answered")
        case (.check(let items, let consistency, let expected), .success(let answer)):
            counts.checksAnswered += items.count
            for (item, decision) in zip(items, answer.decisions) {
                record(item, consistency, operation, answer.zookie.revision, decision)
            }
            client.learn(answer.zookie)
            if let expected, answer.decisions != [.success(expected)] {
                throw Violation("new enemy: \(items) was answered \(answer.decisions) at \(answer.zookie.revision)")
            }
            if expected != nil, client.script.isEmpty { counts.scriptsFinished += 1 }
            finish(client)
        case (.check, .failure(let error)):
            counts.checksRefused += 1
            if error.code == .futureZookie || error.code == .foreignZookie || error.code == .expiredZookie {
                throw Violation("a zookie that was issued was refused: \(error)")
            }
            if error.code.retry != .never {
                retry(client)
                return
            }
            finish(client, isScriptBroken: true)
        default: throw Violation("a command was answered with a check")
        }
    }

    private func record(
        _ item: CheckItem,
        _ consistency: Consistency,
        _ operation: SimulatedClient.Operation,
        _ revision: Revision,
        _ answer: Result<Bool, ErrorCode>
    ) {
        // The answer was under way for a while, and the node's clock may be a twentieth slow.
        let allowance = options.stalenessBound.nanoseconds / 10 + 12 * options.delaySpread.nanoseconds + 10_000_000
        let horizon = options.stalenessBound.nanoseconds + allowance
        history.checks.append(
            History.Check(
                item: item,
                consistency: consistency,
                acknowledgedBefore: operation.acknowledgedBefore,
                staleFloor: now > horizon ? history.acknowledged(at: now - horizon) : .zero,
                revision: revision,
                answer: answer
            )
        )
    }
}
