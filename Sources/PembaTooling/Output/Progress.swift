// Pemba: progress of long work.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One line on standard error that says how far a long piece of work is, how fast it goes and how long it will take.
///
/// On a terminal the line is rewritten in place a few times a second; elsewhere a new line comes every ten seconds.
package struct Progress {
    private let label: String
    /// How many there are; nil if nobody knows.
    private let total: Int?
    private let isTerminal: Bool
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant?

    /// Starts counting to `total` things called `label`.
    package init(_ label: String, total: Int? = nil) {
        self.label = label
        self.total = total
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    /// Says that `done` of the total are done.
    package mutating func update(_ done: Int) {
        let now = ContinuousClock.now
        let interval: Duration = isTerminal ? .milliseconds(200) : .seconds(10)
        if let lastShown, now - lastShown < interval { return }
        lastShown = now
        show(done, ending: isTerminal ? "" : "\n")
    }

    /// Ends the line.
    package mutating func finish(_ done: Int) {
        guard isTerminal, lastShown != nil else { return }
        show(done, ending: "\n")
    }

    private func show(_ done: Int, ending: String) {
        let line = Progress.line(label: label, done: done, total: total, elapsed: ContinuousClock.now - start)
        LineOutput.note((isTerminal ? "\r\u{1B}[K" : "") + line + ending)
    }

    /// The line for `done` of `total` after `elapsed`.
    package static func line(label: String, done: Int, total: Int?, elapsed: Duration) -> String {
        var line = "\(label): \(done)"
        if let total { line += " of \(total) (\(total == 0 ? 100 : done * 100 / total) %)" }
        let seconds = elapsed / .seconds(1)
        guard seconds > 0.5, done > 0 else { return line }
        let rate = Double(done) / seconds
        line += ", \(Int(rate))/s"
        if let total, done < total { line += ", \(Int((Double(total - done) / rate).rounded(.up))) s left" }
        return line
    }
}
