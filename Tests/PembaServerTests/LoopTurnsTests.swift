// Pemba: tests of queued work and the sockets.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaTransport
import Testing

@testable import PembaServer

@Suite struct LoopTurnsTests {
    /// What happened on the loop, in order.
    private final class Story {
        var pieces: [(work: Int, look: UInt64)] = []
        var left = 0
    }

    /// Work of several kinds, each of which lets its next piece follow at once: the sockets are looked at between any two
    /// pieces, and every kind gets its turn.
    @Test func twoPiecesAreNeverDoneInARow() async throws {
        let loop = try SocketLoop(name: "test")
        let done = loop.makePromise(of: [(work: Int, look: UInt64)].self)
        loop.execute {
            let turns = LoopTurns(loop: loop)
            let story = Story()
            func work(_ kind: Int) {
                turns.append {
                    story.pieces.append((kind, loop.turns))
                    if story.pieces.count < 60 { work(kind) } else { done.succeed(story.pieces) }
                }
            }
            for kind in 0..<3 { work(kind) }
        }
        let pieces = try await done.futureResult.get()
        #expect(Set(pieces.map(\.look)).count == pieces.count)
        // One after the other, in a circle.
        #expect(pieces.map(\.work) == pieces.indices.map { $0 % 3 })
        loop.stop {}
    }

    @Test func whatWaitsCanBeDropped() async throws {
        let loop = try SocketLoop(name: "test")
        let count = try await loop.submit {
            let turns = LoopTurns(loop: loop)
            let story = Story()
            turns.append { story.left += 1 }
            turns.cancel()
            return NIOLoopBound(story, eventLoop: loop)
        }.flatMap { story in
            loop.scheduleTask(in: .milliseconds(5)) { story.value.left }.futureResult
        }.get()
        #expect(count == 0)
        loop.stop {}
    }
}
