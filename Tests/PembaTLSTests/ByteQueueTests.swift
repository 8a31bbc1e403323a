// Pemba: tests of the queue of bytes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTLS
import PembaTestSupport
import Testing

@Suite struct ByteQueueTests {
    /// Otherwise what waits would be moved again and again while it hardly changes.
    @Test func growingMakesRoomThatLasts() {
        var queue = ByteQueue()
        let chunk = 16 << 10
        func add() {
            _ = queue.room(atLeast: chunk)
            queue.fill(chunk)
        }
        while queue.count < (1 << 20) - chunk { add() }
        var moves = 0
        for _ in 0..<1_000 {
            let before = queue.readable.baseAddress
            queue.consume(chunk)
            let after = queue.readable.baseAddress
            add()
            if queue.readable.baseAddress != after, before != nil { moves += 1 }
        }
        // Each move makes room for at least as much as it moves.
        #expect(moves <= 1_000 * chunk / (1 << 20) + 2)
    }

    @Test func itIsAQueueOfBytes() {
        for seed in Seeds(short: 50, full: 2_000) {
            var random = SeededRandom(seed: seed)
            var buffer = ByteQueue()
            var model: [UInt8] = []
            for _ in 0..<100 {
                let added = (0..<random.below(3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                let room = buffer.room(atLeast: added.count)
                room.copyBytes(from: added)
                buffer.fill(added.count)
                model += added
                let taken = random.below(model.count + 1)
                buffer.consume(taken)
                model.removeFirst(taken)
                let unread = Array(buffer.readable)
                #expect(unread == model, "\(Seeds.replay(seed, "itIsAQueueOfBytes"))")
            }
        }
    }

    @Test func aLargeFrameDoesNotMakeAConnectionLargeForGood() {
        var buffer = ByteQueue()
        _ = buffer.room(atLeast: 4 << 20)
        buffer.fill(4 << 20)
        buffer.consume(4 << 20)
        let kept = buffer.capacity
        #expect(kept == 0)
    }

    @Test func aStreamOfSmallFramesNeedsLittleMemory() {
        var buffer = ByteQueue()
        for _ in 0..<10_000 {
            _ = buffer.room(atLeast: 100)
            buffer.fill(100)
            // A part of the next frame is always there, so that the buffer is never empty.
            buffer.consume(buffer.count - 10)
        }
        let kept = buffer.capacity
        #expect(kept == 4_096)
    }
}
