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
    package static func note(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    /// Writes what waits.
    package mutating func flush() {
        guard !waiting.isEmpty else { return }
        FileHandle.standardOutput.write(Data(waiting))
        waiting.removeAll(keepingCapacity: true)
    }
}
