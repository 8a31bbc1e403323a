// Pemba: what simulated clients do next.
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
        case 1..<40: return write(client)
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
        case .write(let updates): return write(client, updates)
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

    // MARK: - Sending

    private func begin(_ kind: SimulatedClient.Operation.Kind, of client: SimulatedClient) {
        client.operation = SimulatedClient.Operation(kind: kind)
        send(client)
    }

    func send(_ client: SimulatedClient) {
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
        case .write(let place): .command(history.writes[place].command)
        case .schema(let source): .command(.writeSchema(source: source))
        case .check(let items, let consistency, _): .check(items, consistency, isPausing: items.count > 3)
        case .forged(let item, let zookie, _): .check([item], .atLeastAsFresh(zookie), isPausing: false)
        }
    }

    func finish(_ client: SimulatedClient, isScriptBroken: Bool = false) {
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
    func retry(_ client: SimulatedClient) {
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
}
