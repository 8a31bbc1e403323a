// Pemba: what simulated clients write.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaReplica
import PembaService

extension Simulation {
    /// Any write, in a session or not.
    func write(_ client: SimulatedClient) -> SimulatedClient.Operation.Kind {
        let wantsKey = client.random.chance(2, in: 3)
        guard !wantsKey || client.session != nil else { return .openSession }
        let tag = UInt64(history.writes.count)
        return begin(draw(tag: tag, client), tag: tag, client, wantsKey ? nextKey(client) : nil)
    }

    /// A write of a story: without conditions, so that it can only fail if nothing can be written.
    func write(_ client: SimulatedClient, _ updates: [TupleUpdate]) -> SimulatedClient.Operation.Kind {
        guard client.session != nil else {
            client.script.removeAll()
            return .openSession
        }
        let tag = UInt64(history.writes.count)
        let request = WriteRequest(updates: updates, preconditions: [Workload.mark(tag)])
        return begin(.write(request), tag: tag, client, nextKey(client))
    }

    /// What a deletion left is deleted by the next one, as often as not.
    func goOn(with operation: SimulatedClient.Operation, after next: RelationTuple?, _ client: SimulatedClient) {
        guard let next, case .write(let place) = operation.kind,
            case .delete(var request) = history.writes[place].command, client.random.chance(1, in: 2)
        else { return }
        request.cursor = ReadCursor(last: next)
        client.deletion = request
    }

    private func draw(tag: UInt64, _ client: SimulatedClient) -> ClientCommand {
        let time = SimulatedClock.civil(now)
        if var request = client.deletion.take() {
            request.preconditions = [Workload.mark(tag)]
            return .delete(request)
        }
        switch client.random.below(12) {
        case 0:
            var request = Workload.deletion(&client.random)
            request.preconditions = [Workload.mark(tag)]
            return .delete(request)
        case 1:
            var request = Workload.relation(&client.random, at: time)
            request.preconditions = [Workload.mark(tag)]
            return .set(request)
        case 2: return .importTuples(Workload.batch(tag: tag, &client.random, at: time))
        case 3, 4, 5:
            let change = Workload.compareAndSet(&client.random)
            let conditions = [change.precondition, Workload.mark(tag)]
            return .write(WriteRequest(updates: change.updates, preconditions: conditions))
        case let choice:
            let conditions = choice == 6 ? [Workload.precondition(&client.random)] : []
            let updates = Workload.updates(&client.random, at: time)
            return .write(WriteRequest(updates: updates, preconditions: conditions + [Workload.mark(tag)]))
        }
    }

    private func nextKey(_ client: SimulatedClient) -> IdempotencyKey? {
        guard let session = client.session else { return nil }
        defer { client.nextSequence += 1 }
        return IdempotencyKey(
            session: session,
            sequence: client.nextSequence,
            firstUnacknowledged: client.nextSequence
        )
    }

    private func begin(
        _ command: ClientCommand,
        tag: UInt64,
        _ client: SimulatedClient,
        _ key: IdempotencyKey?
    ) -> SimulatedClient.Operation.Kind {
        let metadata = client.random.chance(1, in: 3) ? Workload.metadata(tag) : .empty
        history.writes.append(
            History.Write(
                tag: tag,
                command: command.with(key, metadata),
                acknowledgedBefore: history.acknowledged,
                began: now
            )
        )
        return .write(Int(tag))
    }
}

extension ClientCommand {
    /// The same write under a key, or none, and with what watchers are told with it, unless it is an import.
    fileprivate func with(_ key: IdempotencyKey?, _ metadata: ContextObject) -> ClientCommand {
        switch self {
        case .write(var request):
            request.idempotencyKey = key
            request.metadata = metadata
            return .write(request)
        case .delete(var request):
            request.idempotencyKey = key
            request.metadata = metadata
            return .delete(request)
        case .set(var request):
            request.idempotencyKey = key
            request.metadata = metadata
            return .set(request)
        case .importTuples(var request):
            request.idempotencyKey = key
            return .importTuples(request)
        case .openSession, .writeSchema, .advanceTime, .audit: return self
        }
    }
}
