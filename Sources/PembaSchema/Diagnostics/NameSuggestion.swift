// Pemba: which known name somebody may have meant.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Finds the known name that is nearest to a written one.
enum NameSuggestion {
    /// "did you mean …?" for the nearest of `names`, if one is near enough; of equals the first.
    static func hint(for written: String, among names: some Sequence<String>) -> String? {
        let writtenBytes = Array(written.utf8)
        guard writtenBytes.count <= longestName else { return nil }
        var bestDistance = max(1, writtenBytes.count / 3) + 1
        var best: String?
        for name in names where !name.hasSameBytes(as: written) {
            let bytes = Array(name.utf8)
            guard bytes.count <= longestName, abs(bytes.count - writtenBytes.count) < bestDistance else { continue }
            let distance = distance(writtenBytes, bytes)
            if distance < bestDistance {
                bestDistance = distance
                best = name
            }
        }
        return best.map { "did you mean `\($0)`?" }
    }

    private static let longestName = 128

    /// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: second.count + 1)
        var last = Array(0...second.count)
        var current = last
        for row in 0..<first.count {
            current[0] = row + 1
            for column in 0..<second.count {
                let replaced = last[column] + (first[row] == second[column] ? 0 : 1)
                var least = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current[column + 1] = least
            }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[second.count]
    }
}
