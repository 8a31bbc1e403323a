// Pemba: simulated nodes telling clients what changes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica

extension Simulation {
    /// A client wishes to hear of changes, from now on or after a revision that it has been told of.
    func openWatch(at place: Int, client: Int, attempt: UInt64, after: Revision?, _ event: SimulationEvent) {
        let node = nodes[place]
        guard node.process == nil || node.pausedUntil <= now else {
            schedule(event, at: node.pausedUntil)
            return
        }
        guard let process = node.process, process.replica.isFresh(at: node.clock.local(now)) else {
            tell(client, attempt, .ended(isTooOld: false))
            return
        }
        let graph = process.replica.stateMachine.graph
        let start = after ?? graph.revision
        guard start <= graph.revision else {
            tell(client, attempt, .ended(isTooOld: false))
            return
        }
        guard graph.reaches(HistoryPlace(after: start)) else {
            tell(client, attempt, .ended(isTooOld: true))
            return
        }
        var watcher = Watcher(client: client, attempt: attempt, place: HistoryPlace(after: start))
        tell(&watcher, .begun(start))
        process.watchers.append(watcher)
        tellWatchers(at: place)
    }

    /// Entries were applied: whoever watches may have something to hear.
    func tellWatchers(at place: Int) {
        let node = nodes[place]
        guard let process = node.process, !process.watchers.isEmpty, node.pausedUntil <= now else { return }
        let isFresh = process.replica.isFresh(at: node.clock.local(now))
        let graph = process.replica.stateMachine.graph
        var remaining: [Watcher] = []
        for var watcher in process.watchers {
            do throws(GraphError) {
                guard isFresh else {
                    tell(&watcher, .ended(isTooOld: false))
                    continue
                }
                while let item = try graph.nextItem(after: &watcher.place, limit: 1 + random.below(3)) {
                    tell(&watcher, .item(item))
                }
                if random.chance(1, in: 8) { tell(&watcher, .told(watcher.place.revision)) }
                remaining.append(watcher)
            } catch {
                tell(&watcher, .ended(isTooOld: true))
            }
        }
        process.watchers = remaining
    }

    /// The node stops: its watchers notice.
    func endWatches(at place: Int) {
        for var watcher in nodes[place].process?.watchers ?? [] { tell(&watcher, .ended(isTooOld: false)) }
    }

    private func tell(_ watcher: inout Watcher, _ answer: WatchAnswer) {
        watcher.arrival = max(watcher.arrival + 1, now + network.delay())
        let event = SimulationEvent.watchAnswer(client: watcher.client, attempt: watcher.attempt, answer)
        schedule(event, at: watcher.arrival)
    }

    private func tell(_ client: Int, _ attempt: UInt64, _ answer: WatchAnswer) {
        schedule(.watchAnswer(client: client, attempt: attempt, answer), after: network.delay())
    }
}
