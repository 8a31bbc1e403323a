// Pemba: seeds of randomised tests.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore

/// The seeds that a randomised test runs with, and the command that replays one.
///
/// `PEMBA_SEED=N` runs that seed alone; `PEMBA_FULL=1` runs `full` seeds instead of `short`.
public struct Seeds: Sequence, Sendable {
    private let seeds: [UInt64]

    /// As many seeds as the form of the run asks for, from a fixed start, so that a failure is met again.
    public init(short: Int, full: Int) {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["PEMBA_SEED"].flatMap(UInt64.init) {
            seeds = [one]
        } else {
            let count = environment["PEMBA_FULL"] == "1" ? full : short
            seeds = (1...UInt64(Swift.max(count, 1))).map { $0 }
        }
    }

    /// Iterates the seeds in order.
    public func makeIterator() -> IndexingIterator<[UInt64]> { seeds.makeIterator() }

    /// The one command that replays `seed` in `test` (the name of the test function or suite).
    public static func replay(_ seed: UInt64, _ test: String) -> String {
        "replay: PEMBA_SEED=\(seed) tools/test --filter \(test)"
    }
}
