// Pemba: what simulated clients make of answers.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

extension Simulation {
    /// No answer came: what was asked may have been done.
    func clientTimesOut(_ place: Int, _ attempt: UInt64) throws(Violation) {
        let client = clients[place]
        guard client.attempt == attempt, client.operation != nil else { return }
        outcomeUnknown(client)
    }

    private func outcomeUnknown(_ client: SimulatedClient) {
        client.operation?.isUncertain = true
        guard case .write(let place)? = client.operation?.kind, history.writes[place].command.idempotencyKey == nil
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
        case .schemaWritten(let revision): learn(revision, client)
        case .written(let revision, let counts): writeSucceeded(client, operation, revision, changed: counts.total)
        case .deleted(let revision, let count, let next):
            goOn(with: operation, after: next, client)
            counts.deletions += 1
            writeSucceeded(client, operation, revision, changed: count)
        case .set(let revision, let changes, _):
            counts.sets += 1
            writeSucceeded(client, operation, revision, changed: changes.total)
        case .imported(let revision, let created, _):
            counts.imports += 1
            writeSucceeded(client, operation, revision, changed: created)
        }
        finish(client)
    }

    private func learn(_ revision: Revision, _ client: SimulatedClient) {
        history.acknowledge(revision, at: now)
        client.learn(Zookie(cluster: Simulation.cluster, epoch: .first, revision: revision))
        if client.wantsFinalWrite { client.noteFinalAnswer() }
    }

    private func writeSucceeded(
        _ client: SimulatedClient,
        _ operation: SimulatedClient.Operation,
        _ revision: Revision,
        changed: UInt64
    ) {
        learn(revision, client)
        guard case .write(let place) = operation.kind else { return }
        history.end(place, .acknowledged(ReferenceState.Done(revision: revision, changed: Int(changed))), at: now)
        counts.writesAcknowledged += 1
        if Workload.registerChange(history.writes[place].command) != nil { counts.registerChanges += 1 }
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
            counts.conditionalAnswers += answer.decisions.count { $0 == .success(.conditional) }
            client.learn(answer.zookie)
            if let expected, answer.decisions != [.success(expected ? .hasPermission : .noPermission)] {
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
        _ answer: Result<Permissionship, ErrorCode>
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
