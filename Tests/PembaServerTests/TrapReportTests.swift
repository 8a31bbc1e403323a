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

    /// A pipe that nobody empties must not keep a node alive that has broken a rule of its own.
    @Test func nobodyHasToReadIt() async {
        await #expect(processExitsWith: .failure) {
            signal(SIGILL, SIG_DFL)
            signal(SIGTRAP, SIG_DFL)
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0, fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0 else { exit(0) }
            var byte: UInt8 = 0
            while write(ends[1], &byte, 1) == 1 {}
            guard fcntl(ends[1], F_SETFL, 0) == 0, dup2(ends[1], STDERR_FILENO) >= 0 else { exit(0) }
            TrapReport.install()
            precondition(getpid() == 0, "never")
        }
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
