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
        process.nextRequest += 1
        let time = node.clock.read(at: now)
        let deadline = time.now + request.patience
        switch request.body {
        case .command(let command):
            process.waiting[id] = request
            try wake(place, event) { replica, time, effects in
                replica.step(.submit(id, command, deadline: deadline), at: time, into: &effects)
            }
        case .check(_, let consistency, _):
            switch process.replica.readiness(consistency, at: time.now) {
            case .ready: evaluate(request, at: place)
            case .refused(let error): answer(request, .check(.failure(error)))
            case .wait:
                process.waiting[id] = request
                try wake(place, event) { replica, time, effects in
                    replica.step(.awaitRead(id, consistency, deadline: deadline), at: time, into: &effects)
                }
            }
        }
    }

    /// A read that waited may be evaluated.
    func evaluateWaiting(_ id: RequestID, at place: Int) throws(Violation) {
        guard let request = nodes[place].process?.waiting.removeValue(forKey: id) else {
            throw Violation("node \(nodes[place].id) answers read \(id.rawValue), which does not wait")
        }
        evaluate(request, at: place)
    }

    // MARK: - Evaluating

    /// Answers questions, now or in two goes between which other things happen.
    private func evaluate(_ request: ClientRequest, at place: Int) {
        guard case .check(let items, let consistency, let isPausing) = request.body,
            let process = nodes[place].process
        else { return }
        let graph = process.replica.stateMachine.graph
        var past: Revision?
        if case .atExactSnapshot(let zookie) = consistency { past = zookie.revision }
        do throws(GraphError) {
            let basis = try graph.basis(at: past)
            let first = isPausing ? items.prefix(items.count / 2) : items[...]
            let decisions = first.map { decide($0, graph, in: basis) }
            guard isPausing else {
                let zookie = process.replica.zookie(for: past ?? graph.revision)
                answer(request, .check(.success(CheckedItems(zookie: zookie, decisions: decisions))))
                return
            }
            suspend(
                SuspendedEvaluation(
                    request: request,
                    rest: items[first.endIndex...],
                    decisions: decisions,
                    basis: graph.hold(basis),
                    machine: process.replica.stateMachine
                ),
                at: place
            )
        } catch {
            answer(request, .check(.failure(ServiceError(error))))
        }
    }

    private func suspend(_ evaluation: SuspendedEvaluation, at place: Int) {
        let node = nodes[place]
        guard let process = node.process else { return }
        let number = process.nextEvaluation
        process.nextEvaluation += 1
        process.evaluations[number] = evaluation
        let pause = random.below(options.electionTimeout.nanoseconds / 4)
        schedule(.resume(node: place, boot: node.boot, evaluation: number), after: pause)
    }

    /// Goes on with questions at the state in which they were begun.
    func resume(_ number: UInt64, at place: Int, _ event: SimulationEvent) {
        let node = nodes[place]
        guard node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let process = node.process, let evaluation = process.evaluations.removeValue(forKey: number) else {
            return
        }
        // An installed snapshot brings another graph, of which the state is none.
        guard process.replica.stateMachine === evaluation.machine else {
            answer(evaluation.request, .check(.failure(ServiceError(.unavailable, "the state was replaced"))))
            return
        }
        let graph = evaluation.machine.graph
        do throws(GraphError) {
            let basis = try graph.basis(of: evaluation.basis)
            let rest = evaluation.rest.map { decide($0, graph, in: basis) }
            let zookie = process.replica.zookie(for: evaluation.basis.revision)
            counts.evaluationsResumed += 1
            let checked = CheckedItems(zookie: zookie, decisions: evaluation.decisions + rest)
            answer(evaluation.request, .check(.success(checked)))
        } catch {
            answer(evaluation.request, .check(.failure(ServiceError(error))))
        }
    }

    private func decide(_ item: CheckItem, _ graph: Graph, in basis: Basis) -> Result<Permissionship, ErrorCode> {
        do throws(GraphError) {
            return .success(try graph.check(item, in: basis).permissionship)
        } catch {
            return .failure(ServiceError(error).code)
        }
    }

    // MARK: - Answering

    /// The log or the clock answered a command.
    func reply(_ id: RequestID, _ result: Result<CommandOutcome, ServiceError>, at place: Int) throws(Violation) {
        guard let request = nodes[place].process?.waiting.removeValue(forKey: id) else {
            throw Violation("node \(nodes[place].id) answers command \(id.rawValue), which does not wait")
        }
        if options.isChecked, case .success(let outcome) = result {
            try checker.checkAcknowledged(outcome.index)
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
