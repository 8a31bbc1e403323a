// Pemba: the events that lead to a state, for people.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

extension Exploration {
    /// The events from the beginning to the state that was found last.
    func trace() -> [String] {
        var events: [(slot: Int, event: UInt32)] = []
        var depth = origins.count - 1
        var number = origins[depth].count - 1
        while depth > 0 {
            let origin = origins[depth][number]
            events.append((Int(origin.node), origin.event))
            number = Int(origin.state)
            depth -= 1
        }
        return events.reversed().enumerated().map { position, event in
            "\(position + 1). node \(event.slot + 1) \(text(NodeEvent(code: event.event)))"
        }
    }

    private func text(_ event: NodeEvent) -> String {
        switch event {
        case .receive(let number):
            let message = catalogue.messages[number]
            return "hears from node \(message.from) in term \(message.term): \(message.body)"
        case .persist: return "has written"
        case .campaign: return "campaigns"
        case .silence: return "has not heard from anybody for long"
        case .heartbeat: return "sends heartbeats"
        case .propose(let number): return "is given command \(number)"
        case .reconfigure: return "is asked for another membership"
        case .read(let ticket): return "is asked for read \(ticket)"
        case .crash(let writesDone):
            return "crashes with \(writesDone) of its outstanding writes done, and starts again"
        }
    }
}
