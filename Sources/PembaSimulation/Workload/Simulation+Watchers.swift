// Pemba: simulated clients that watch.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService

/// What a client that watches has of the revision that it is being told of.
struct ClientWatch {
    /// Its record in the history; nil before the first.
    var record: Int?
    /// The number of the watch: word of earlier ones is not listened to any more.
    var attempt: UInt64 = 0
    /// Changes of a revision whose last has not been told yet.
    var partial: [TupleChange] = []
}

extension Simulation {
    /// Asks some node for what comes after what was told, or for what comes from now on.
    func beginWatch(_ place: Int) {
        let client = clients[place]
        client.watch.attempt += 1
        client.watch.partial = []
        let event = SimulationEvent.watchRequest(
            node: reachable[client.random.below(reachable.count)],
            client: place,
            attempt: client.watch.attempt,
            after: client.watch.record.map { history.watches[$0].told }
        )
        schedule(event, after: network.delay())
    }

    /// Takes what it is told.
    func watcherReceives(_ place: Int, _ attempt: UInt64, _ answer: WatchAnswer) throws(Violation) {
        let client = clients[place]
        guard client.watch.attempt == attempt else { return }
        note(8, UInt64(place), attempt)
        switch answer {
        case .begun(let revision):
            guard let record = client.watch.record else {
                client.watch.record = history.watches.count
                history.watches.append(History.Watch(start: revision, told: revision))
                return
            }
            guard history.watches[record].told == revision else {
                throw Violation("a watch after \(history.watches[record].told) begins after \(revision)")
            }
            counts.watchesResumed += 1
        case .item(.schema(let revision, _)):
            // It comes after the tuples that fell due at its revision.
            try told(client, revision, client.watch.partial.isEmpty ? nil : .empty)
        case .item(.changes(let revision, _, let changes, let metadata, let isLast)):
            client.watch.partial += changes
            guard isLast else { return }
            try told(client, revision, metadata)
        case .told(let revision):
            guard let record = client.watch.record else { return }
            history.watches[record].told = max(history.watches[record].told, revision)
        case .ended(let isTooOld):
            client.watch.attempt += 1
            if isTooOld { client.watch.record = nil }
            schedule(.watch(client: place), after: client.random.below(options.thinkTime.nanoseconds * 2))
        }
    }

    /// Everything up to a revision was told, and with it what its writer says of it; nil: it changes no tuples.
    private func told(
        _ client: SimulatedClient,
        _ revision: Revision,
        _ metadata: ContextObject?
    ) throws(Violation) {
        let changes = client.watch.partial
        client.watch.partial = []
        guard let record = client.watch.record else { return }
        guard revision > history.watches[record].told else {
            throw Violation("a watch that was told of \(history.watches[record].told) is told of \(revision)")
        }
        if options.isChecked { try checker.checkAcknowledged(revision.index) }
        history.watches[record].told = revision
        guard let metadata else { return }
        history.watches[record].changes.append(
            History.Changes(revision: revision, changes: changes, metadata: metadata)
        )
    }
}
