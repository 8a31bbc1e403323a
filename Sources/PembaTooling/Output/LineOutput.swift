// Pemba: printing many lines.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Gathers lines and writes them to standard output in large pieces.
package struct LineOutput {
    private static let pieceBytes = 64 * 1_024

    private var waiting: [UInt8] = []

    package init() {}

    /// Adds text that ends its own lines.
    package mutating func add(_ text: String) {
        waiting.append(contentsOf: text.utf8)
        if waiting.count >= LineOutput.pieceBytes { flush() }
    }

    /// Writes a line to standard error, for people who look on.
    package static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

    /// Makes writing to nobody an error, which `write` ends the program for and `note` passes over, instead of a signal that
    /// ends it anywhere: for programs that have something to put in order.
    package static func expectNobody() { signal(SIGPIPE, SIG_IGN) }

    /// Writes to standard output at once; ends the program in silence if nobody reads it any more, as a filter does.
    package static func write(_ text: String) { write(Array(text.utf8)) }

    private static func write(_ bytes: [UInt8]) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(bytes))
        } catch {
            exit(LineOutput.brokenPipeStatus)
        }
    }

    /// What shells show for a program that SIGPIPE ended.
    private static let brokenPipeStatus: Int32 = 141

    /// Writes what waits.
    package mutating func flush() {
        guard !waiting.isEmpty else { return }
        LineOutput.write(waiting)
        waiting.removeAll(keepingCapacity: true)
    }
}
