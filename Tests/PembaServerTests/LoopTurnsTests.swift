// Pemba: tests of queued work and the sockets.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Testing

@testable import PembaServer

@Suite struct LoopTurnsTests {
    /// What happened on the loop, in order.
    private final class Story {
        var pieces: [(work: Int, look: UInt64)] = []
        var left = 0
    }

    /// Work of several kinds, each of which lets its next piece follow at once, and tasks that never cease: the sockets
    /// are looked at between any two pieces, and every kind gets its turn.
    @Test func twoPiecesAreNeverDoneInARow() async throws {
        let looks = LoopLooks()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1, metricsDelegate: looks)
        let loop = group.any()
        let done = loop.makePromise(of: [(work: Int, look: UInt64)].self)
        loop.execute {
            let turns = LoopTurns(loop: loop, looks: looks)
            let story = Story()
            func work(_ kind: Int) {
                turns.append {
                    story.pieces.append((kind, looks.count))
                    // Long enough that what is scheduled meanwhile is due when it ends.
                    let end = NIODeadline.now() + .milliseconds(2)
                    while NIODeadline.now() < end {}
                    if story.pieces.count < 60 { work(kind) } else { done.succeed(story.pieces) }
                }
            }
            for kind in 0..<3 { work(kind) }
        }
        let pieces = try await done.futureResult.get()
        #expect(Set(pieces.map(\.look)).count == pieces.count)
        // One after the other, in a circle.
        #expect(pieces.map(\.work) == pieces.indices.map { $0 % 3 })
        try await group.shutdownGracefully()
    }

    @Test func whatWaitsCanBeDropped() async throws {
        let looks = LoopLooks()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1, metricsDelegate: looks)
        let loop = group.any()
        let count = try await loop.submit {
            let turns = LoopTurns(loop: loop, looks: looks)
            let story = Story()
            turns.append { story.left += 1 }
            turns.cancel()
            return NIOLoopBound(story, eventLoop: loop)
        }.flatMap { story in
            loop.scheduleTask(in: .milliseconds(5)) { story.value.left }.futureResult
        }.get()
        #expect(count == 0)
        try await group.shutdownGracefully()
    }
}
