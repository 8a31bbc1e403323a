// Pemba: the search for an order that explains a history.
// SPDX-License-Identifier: Apache-2.0

/// A depth-first search over the orders in which operations may have happened.
///
/// Beginnings and ends stand in one list in the order of time. The search walks along it: an operation that has begun may
/// be the next to happen, and then leaves the list with its end; an end that is met belongs to an operation that has not
/// happened, so that the last decision was wrong. Nothing is left to explain once no end is left.
struct LinearizationSearch<Model: SequentialModel> {
    /// The beginning or the end of an operation, linked to those around it that are still in the list.
    private struct Event {
        let operation: Int
        /// At a beginning: the place of the end, if it has one.
        var end: Int?
        let isEnd: Bool
        var previous: Int
        var next: Int
    }

    /// What has happened, and what state that led to.
    private struct Position: Hashable {
        var happened: [UInt64]
        var state: Int
    }

    /// An operation that was decided to be the next.
    private struct Decision {
        /// The place of its beginning.
        let place: Int
        /// The state before it.
        let state: Int
    }

    private let model: Model
    private let operations: [TimedOperation<Model.Operation>]
    private let memoMax: Int
    /// The list; its first element is a head without meaning, its last one a tail.
    private var events: [Event] = []
    private var happened: [UInt64]
    private var states: [Model.State]
    private var stateNumbers: [Model.State: Int]
    private var tried: Set<Position> = []
    private var decisions: [Decision] = []

    init(_ operations: [TimedOperation<Model.Operation>], of model: Model, memoMax: Int) {
        self.operations = operations
        self.model = model
        self.memoMax = memoMax
        happened = Array(repeating: 0, count: (operations.count + 63) / 64)
        states = [model.initial]
        stateNumbers = [model.initial: 0]
        link()
    }

    /// Searches.
    mutating func run() -> Linearizability.Verdict {
        var state = 0
        var place = events[0].next
        var furthest = 0
        while place < events.count - 1 {
            let event = events[place]
            if !event.isEnd {
                if let after = newState(after: event.operation, in: state) {
                    guard tried.count <= memoMax else { return .undecided }
                    decisions.append(Decision(place: place, state: state))
                    state = after
                    lift(place)
                    place = events[0].next
                } else {
                    place = event.next
                }
            } else {
                furthest = max(furthest, place)
                guard let wrong = decisions.popLast() else { return .violated(at: events[furthest].operation) }
                state = wrong.state
                putBack(wrong.place)
                place = events[wrong.place].next
            }
        }
        return .linearizable
    }

    /// The state after an operation, if it explains the answer and leads to a position that was not tried.
    private mutating func newState(after operation: Int, in state: Int) -> Int? {
        guard let after = model.state(after: operations[operation].operation, in: states[state]) else { return nil }
        let number = number(of: after)
        let (word, bit) = (operation / 64, UInt64(1) << UInt64(operation % 64))
        happened[word] |= bit
        guard tried.insert(Position(happened: happened, state: number)).inserted else {
            happened[word] &= ~bit
            return nil
        }
        return number
    }

    private mutating func number(of state: Model.State) -> Int {
        if let known = stateNumbers[state] { return known }
        states.append(state)
        stateNumbers[state] = states.count - 1
        return states.count - 1
    }

    // MARK: The list

    private mutating func link() {
        var moments: [(time: UInt64, isEnd: Bool, operation: Int)] = []
        for (number, operation) in operations.enumerated() {
            moments.append((operation.began, false, number))
            if let ended = operation.ended { moments.append((ended, true, number)) }
        }
        // Beginnings come before ends of the same time, so that such operations overlap.
        moments.sort { left, right in
            if left.time != right.time { return left.time < right.time }
            if left.isEnd != right.isEnd { return right.isEnd }
            return left.operation < right.operation
        }
        var beginnings = Array(repeating: 0, count: operations.count)
        events.append(Event(operation: -1, end: nil, isEnd: false, previous: 0, next: 1))
        for (offset, moment) in moments.enumerated() {
            let place = offset + 1
            if moment.isEnd {
                events[beginnings[moment.operation]].end = place
            } else {
                beginnings[moment.operation] = place
            }
            events.append(
                Event(
                    operation: moment.operation,
                    end: nil,
                    isEnd: moment.isEnd,
                    previous: place - 1,
                    next: place + 1
                )
            )
        }
        events.append(Event(operation: -1, end: nil, isEnd: false, previous: moments.count, next: moments.count + 1))
    }

    /// Takes an operation out of the list.
    private mutating func lift(_ beginning: Int) {
        unlink(beginning)
        if let end = events[beginning].end { unlink(end) }
    }

    /// Puts it back where it was; the reverse of the latest `lift`.
    private mutating func putBack(_ beginning: Int) {
        if let end = events[beginning].end { relink(end) }
        relink(beginning)
        let operation = events[beginning].operation
        happened[operation / 64] &= ~(1 << UInt64(operation % 64))
    }

    private mutating func unlink(_ place: Int) {
        let (previous, next) = (events[place].previous, events[place].next)
        events[previous].next = next
        events[next].previous = previous
    }

    private mutating func relink(_ place: Int) {
        events[events[place].previous].next = place
        events[events[place].next].previous = place
    }
}
