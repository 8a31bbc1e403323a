// Pemba: a trap names its place.
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import PembaServer

@Suite struct TrapReportTests {
    /// The message of a `precondition` is not in an optimised program; its place is.
    @Test func aTrapNamesItsPlaceAndEndsTheProcessBySignal() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            // Nothing else is to tell about it.
            signal(SIGILL, SIG_DFL)
            signal(SIGTRAP, SIG_DFL)
            TrapReport.install()
            precondition(getpid() == 0, "never")
        }
        guard case .signal(let number) = result.exitStatus else {
            Issue.record("it ended with \(result.exitStatus)")
            return
        }
        #expect([SIGILL, SIGTRAP].contains(number))
        let words = String(decoding: result.standardErrorContent, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        let address = words.first { $0.hasPrefix("0x") }.flatMap { UInt($0.dropFirst(2), radix: 16) }
        // Not an address of memory: the program's file is not that long.
        #expect(address.map { $0 > 0 && $0 < 1 << 32 } == true, "\(words)")
        #expect(words.contains { $0.hasPrefix("--obj=/") }, "\(words)")
    }

    /// Whoever sends the signal learns nothing and has his way.
    @Test func aSignalThatWasSentIsNoTrap() async throws {
        let result = try await #require(processExitsWith: .signal(SIGILL), observing: [\.standardErrorContent]) {
            signal(SIGILL, SIG_DFL)
            TrapReport.install()
            kill(getpid(), SIGILL)
            while true { pause() }
        }
        #expect(!String(decoding: result.standardErrorContent, as: UTF8.self).contains("rule of the program"))
    }
}
