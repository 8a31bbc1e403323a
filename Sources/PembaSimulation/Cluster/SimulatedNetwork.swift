// Pemba: the simulated network between nodes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Which connections stand, which directions pass nothing, and how long messages take.
struct SimulatedNetwork {
    private let placesMax: Int
    private let options: SimulationOptions
    private let (loses, duplicates, straggles): (Bool, Bool, Bool)
    private var random: SeededRandom
    /// The number of the connection between two nodes; another after every break.
    ///
    /// By `pair`.
    private var connections: [UInt64]
    /// Whether nothing passes from one node to another, by `from * placesMax + to`.
    private var isBlocked: [Bool]
    /// Whether two nodes have no connection: it broke and is not made anew, or one refuses the other.
    ///
    /// By `pair`.
    private var isApart: [Bool]
    /// Whether everything is well: no loss, no repetition, short delays.
    var isCalm = false

    init(options: SimulationOptions, random: SeededRandom) {
        placesMax = options.placesMax
        self.options = options
        (loses, duplicates, straggles) = (options.has(.loss), options.has(.duplication), options.has(.stragglers))
        self.random = random
        connections = Array(repeating: 0, count: placesMax * placesMax)
        isBlocked = Array(repeating: false, count: placesMax * placesMax)
        isApart = isBlocked
    }

    private func pair(_ left: Int, _ right: Int) -> Int { min(left, right) * placesMax + max(left, right) }

    /// The connection between two nodes.
    func connection(_ left: Int, _ right: Int) -> UInt64 { connections[pair(left, right)] }

    /// Ends a connection: what is under way on it is lost.
    mutating func disconnect(_ left: Int, _ right: Int) {
        connections[pair(left, right)] += 1
        isApart[pair(left, right)] = true
    }

    /// Two nodes have a connection again.
    mutating func connect(_ left: Int, _ right: Int) { isApart[pair(left, right)] = false }

    /// Whether two nodes have no connection.
    func isApart(_ left: Int, _ right: Int) -> Bool { isApart[pair(left, right)] }

    /// Lets nothing pass from one node to another, or everything.
    mutating func block(from: Int, to: Int, _ blocked: Bool) { isBlocked[from * placesMax + to] = blocked }

    /// Lets everything pass.
    mutating func heal() { isBlocked = Array(repeating: false, count: isBlocked.count) }

    /// After which delays copies of a message arrive: none, one, or two.
    mutating func delays(from: Int, to: Int) -> [UInt64] {
        guard !isBlocked[from * placesMax + to], !isApart[pair(from, to)] else { return [] }
        if isCalm { return [delay()] }
        let isLost = random.chance(options.lossPerMille, in: 1_000)
        let isDoubled = random.chance(options.duplicationPerMille, in: 1_000)
        if isLost, loses { return [] }
        if isDoubled, duplicates { return [delay(), delay()] }
        return [delay()]
    }

    /// How long something takes over the network.
    mutating func delay() -> UInt64 {
        let delay = options.delayMin.nanoseconds + random.below(options.delaySpread.nanoseconds + 1)
        guard !isCalm else { return min(delay, 2_000_000) }
        return random.chance(options.stragglersPerMille, in: 1_000) && straggles ? delay * 10 : delay
    }
}
