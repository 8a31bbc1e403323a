// Pemba: what a command line says of one run.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A seed, and what of the conditions that it draws is to be otherwise.
package struct SimulationPlan: Sendable, Equatable {
    /// The seed.
    package var seed: UInt64
    /// Simulated time of faults and clients.
    package var duration: TimeSpan
    /// Nodes, if not as many as the seed draws.
    package var nodes: Int?
    /// Clients, if not as many as the seed draws.
    package var clients: Int?
    /// Kinds of trouble that are not to exist, though the seed may draw them.
    package var without: Set<Fault> = []
    /// Whether promises are checked.
    package var isChecked = true

    package init(seed: UInt64, duration: TimeSpan) {
        self.seed = seed
        self.duration = duration
    }

    /// The conditions of the run.
    package var options: SimulationOptions {
        var options = SimulationOptions(seed: seed, duration: duration)
        if let nodes { options.nodeCount = nodes }
        if let clients { options.clientCount = clients }
        options.without = without
        options.isChecked = isChecked
        return options
    }

    /// The command that runs it again, in one line.
    package var command: String {
        var words = ["swift run -c release sim --seed \(seed) --duration \(SimulationPlan.seconds(duration))"]
        if let nodes { words.append("--nodes \(nodes)") }
        if let clients { words.append("--clients \(clients)") }
        let without = Fault.allCases.filter { self.without.contains($0) }
        if !without.isEmpty { words.append("--without \(without.map(\.rawValue).joined(separator: ","))") }
        return words.joined(separator: " ")
    }

    /// A time in seconds, to the millisecond.
    package static func seconds(_ time: TimeSpan) -> String {
        let milliseconds = time.nanoseconds / 1_000_000
        let rest = String(1_000 + milliseconds % 1_000).dropFirst()
        return milliseconds % 1_000 == 0 ? String(milliseconds / 1_000) : "\(milliseconds / 1_000).\(rest)"
    }
}
