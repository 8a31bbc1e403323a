// Pemba: simulated nodes answering clients.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService

extension Simulation {
    /// A request arrives at a node, as a frame would.
    func receive(_ request: ClientRequest, at place: Int, _ event: SimulationEvent) throws(Violation) {
        let node = nodes[place]
        guard let process = node.process else {
            answer(request, .unreachable)
            return
        }
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        let id = RequestID(process.nextRequest)
        node.process?.nextRequest += 1
        let time = node.clock.read(at: now)
        let deadline = time.now + request.patience
        switch request.body {
        case .command(let command):
            node.process?.waiting[id] = request
            try wake(place, event) { replica, time, effects in
                replica.step(.submit(id, command, deadline: deadline), at: time, into: &effects)
            }
        case .check(let item, let consistency):
            switch process.replica.readiness(consistency, at: time.now) {
            case .ready: answer(request, .check(evaluate(item, at: process.replica)))
            case .refused(let error): answer(request, .check(.failure(error)))
            case .wait:
                node.process?.waiting[id] = request
                try wake(place, event) { replica, time, effects in
                    replica.step(.awaitRead(id, consistency, deadline: deadline), at: time, into: &effects)
                }
            }
        }
    }

    /// A read that waited may be evaluated.
    func evaluateWaiting(_ id: RequestID, at place: Int) throws(Violation) {
        guard let process = nodes[place].process, let request = process.waiting[id] else {
            throw Violation("node \(nodes[place].id) answers read \(id.rawValue), which does not wait")
        }
        nodes[place].process?.waiting[id] = nil
        guard case .check(let item, _) = request.body else { return }
        answer(request, .check(evaluate(item, at: process.replica)))
    }

    private func evaluate(_ item: CheckItem, at replica: Replica) -> Result<CheckAnswer, ServiceError> {
        do throws(GraphError) {
            return .success(CheckAnswer(try replica.stateMachine.graph.check(item), zookie: replica.zookie))
        } catch {
            let refused = ServiceError(error)
            return .failure(
                ServiceError(refused.code, refused.message, details: [.init("at", replica.zookie.revision.description)])
            )
        }
    }

    /// The log or the clock answered a command.
    func reply(_ id: RequestID, _ result: Result<CommandOutcome, ServiceError>, at place: Int) throws(Violation) {
        guard let request = nodes[place].process?.waiting.removeValue(forKey: id) else {
            throw Violation("node \(nodes[place].id) answers command \(id.rawValue), which does not wait")
        }
        if case .success(let outcome) = result {
            try checker.checkDurability(outcome.index, nodes: nodes)
        }
        answer(request, .command(result))
    }

    /// Sends an answer to its client.
    func answer(_ request: ClientRequest, _ answer: ClientAnswer) {
        let event = SimulationEvent.answer(client: request.client, attempt: request.attempt, answer)
        schedule(event, after: network.delay())
    }
}

extension CommandOutcome {
    /// The entry that did it.
    fileprivate var index: LogIndex {
        switch self {
        case .sessionOpened(let session): LogIndex(session)
        case .written(let revision, _), .schemaWritten(let revision), .deleted(let revision, _, _),
            .set(let revision, _, _), .imported(let revision, _, _):
            revision.index
        }
    }
}
