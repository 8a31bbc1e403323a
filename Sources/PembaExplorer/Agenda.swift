// Pemba: the states that are to be looked at.
// SPDX-License-Identifier: Apache-2.0

/// States that an exploration is to look at: those first in which the nodes have got least far, and of these the one that was
/// found first.
///
/// Nodes come back to states that they had before, with more messages behind them, and what was found with fewer messages
/// need not be looked at any more (`MessageSets`). So it is best to go round such a circle until nothing is added, before
/// going on to what follows from it.
struct Agenda {
    /// What is known of a state besides itself.
    struct Note {
        /// Its number, in the order in which states are found.
        var number: UInt32
        /// Where its messages are in `MessageSets`.
        var place: Int
        /// Events on the way to it.
        var depth: Int
    }

    /// By how far the nodes have got.
    private var queues: [StateQueue] = []
    /// Before it all queues are empty.
    private var lowest = 0

    /// The bytes that it takes.
    var byteCount: Int { queues.reduce(0) { $0 + $1.byteCount } }

    /// Adds a state whose nodes have got as far as `progress` says.
    mutating func append(_ state: ClusterState, _ note: Note, progress: Int) {
        while queues.count <= progress { queues.append(StateQueue()) }
        queues[progress].append(state, note)
        lowest = min(lowest, progress)
    }

    /// Takes the next state; nil if there is none.
    mutating func popFirst(into state: inout ClusterState) -> Note? {
        while lowest < queues.count, queues[lowest].isEmpty { lowest += 1 }
        return lowest == queues.count ? nil : queues[lowest].popFirst(into: &state)
    }
}

/// States in the order in which they came, packed.
private struct StateQueue {
    private var words: [UInt32] = []
    private var position = 0

    /// Words that are read before their room is given back.
    private static let readMax = 1 << 16

    var isEmpty: Bool { position == words.count }

    var byteCount: Int { words.capacity * 4 }

    mutating func append(_ state: ClusterState, _ note: Agenda.Note) {
        for node in state.nodes { words.append(UInt32(node)) }
        words.append(UInt32(state.history))
        words.append(UInt32(truncatingIfNeeded: state.budget.packed))
        words.append(UInt32(truncatingIfNeeded: state.budget.packed >> 32))
        words.append(note.number)
        words.append(UInt32(note.place))
        words.append(UInt32(note.depth))
        words.append(UInt32(state.messages.count))
        for message in state.messages { words.append(UInt32(message)) }
    }

    /// Takes the first; `state` has as many nodes already.
    mutating func popFirst(into state: inout ClusterState) -> Agenda.Note {
        for slot in state.nodes.indices { state.nodes[slot] = Int(next()) }
        state.history = Int(next())
        let low = UInt64(next())
        state.budget = ClusterState.Budget(packed: low | UInt64(next()) << 32)
        let note = Agenda.Note(number: next(), place: Int(next()), depth: Int(next()))
        state.messages.removeAll(keepingCapacity: true)
        for _ in 0..<next() { state.messages.append(Int(next())) }
        if position == words.count {
            words = []
            position = 0
        } else if position > StateQueue.readMax, position * 2 > words.count {
            words.removeFirst(position)
            position = 0
        }
        return note
    }

    private mutating func next() -> UInt32 {
        position += 1
        return words[position - 1]
    }
}
