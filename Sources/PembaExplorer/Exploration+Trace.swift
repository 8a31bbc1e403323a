// Pemba: the events that lead to a state, for people.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaRaft

extension Exploration {
    /// How a state was found: from which other, and by which event of which node.
    struct Origin {
        var state: UInt32
        private var packed: UInt32

        init(state: UInt32, slot: Int, event: UInt32) {
            self.state = state
            packed = UInt32(slot) << 28 | event
        }

        var slot: Int { Int(packed >> 28) }
        var event: UInt32 { packed & (1 << 28 - 1) }
    }

    /// The events from the beginning to the state that was found last.
    func trace() -> [String] {
        var events: [(slot: Int, event: UInt32)] = []
        var number = origins.count - 1
        while number > 0 {
            let origin = origins[number]
            events.append((origin.slot, origin.event))
            number = Int(origin.state)
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
