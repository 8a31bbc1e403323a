// Pemba: tests of what recovery says about torn and about damaged logs.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import PembaTestSupport
import Testing

@testable import PembaStorage

/// A segment of five batches, the last one of several pages, and what replaying variations of it gives.
private struct Segment {
    let bytes: [UInt8]
    let entries: [LogEntry]
    /// Where each batch begins, and after the last one where it ends.
    let offsets: [Int]

    init(lastPayloads: [[UInt8]]) {
        let header = SegmentHeader(
            id: 1,
            capacity: 64 << 10,
            identity: Fixture.identity,
            firstIndex: LogIndex(1),
            previousTerm: .zero,
            firstSequence: 1,
            previousChain: 0,
            restartsLog: false
        )
        var bytes = header.encoded()
        var offsets = [bytes.count]
        var entries: [LogEntry] = []
        var chain: UInt64 = 0
        for sequence in UInt64(1)...5 {
            var batch = Fixture.entries((sequence * 2 - 1)...(sequence * 2), bytes: 300)
            if sequence == 5 {
                batch = []
                for (position, payload) in lastPayloads.enumerated() {
                    var entry = Fixture.entry(9 + UInt64(position))
                    entry.payload = payload
                    batch.append(entry)
                }
            }
            let encoded = BatchCodec.encode(batch[...], segment: 1, sequence: sequence, previousChain: chain)
            bytes += encoded.bytes
            chain = encoded.chain
            offsets.append(bytes.count)
            entries += batch
        }
        bytes += Array(repeating: 0, count: 64 << 10 - bytes.count)
        self.bytes = bytes
        self.offsets = offsets
        self.entries = entries
    }

    /// Payloads that do not compress, that do, and that are all zeros.
    static let variants: [[[UInt8]]] = [
        [Fixture.entry(9, bytes: 4_000).payload, Fixture.entry(10, bytes: 3_000).payload],
        [(0..<9_000).map { UInt8($0 / 64 & 0x3F) }, Array(repeating: 7, count: 2_000)],
        [Array(repeating: 0, count: 900)],
    ]

    static func replay(_ bytes: [UInt8]) -> (verdict: SegmentVerdict, entries: [LogEntry]) {
        var replay = LogReplay(identity: Fixture.identity, floor: .zero)
        let verdict = bytes.withUnsafeBytes { replay.replay($0, id: 1, isLast: true) }
        return (verdict, replay.entries)
    }
}

@Suite struct TornTailTests {
    /// Disks write sectors as a whole; a tear inside the last sector that is there leaves what cannot be told from damage.
    @Test(arguments: 0..<3) func aTailTornAtAnyByteIsCutOff(variant: Int) {
        let segment = Segment(lastPayloads: Segment.variants[variant])
        let start = segment.offsets[4]
        let kept = segment.entries.filter { $0.index < LogIndex(9) }
        var torn = segment.bytes
        for offset in stride(from: segment.offsets[5] - 1, through: start, by: -1) {
            torn[offset] = 0
            let (verdict, entries) = Segment.replay(torn)
            switch verdict {
            case .torn(let end, _): #expect(end == start)
            case .suspicious(let end, _, _): #expect(end == start && offset > segment.offsets[5] - 512)
            case .complete(let end): #expect(end == start && offset == start, "byte \(offset)")
            case .damaged, .foreign, .unreadable: Issue.record("torn at byte \(offset): \(verdict)")
            }
            #expect(entries == kept)
        }
    }

    @Test(arguments: 0..<3) func aTailWhoseBeginningIsMissingIsCutOff(variant: Int) {
        let segment = Segment(lastPayloads: Segment.variants[variant])
        var torn = segment.bytes
        for offset in segment.offsets[4]..<(segment.offsets[5] - 1) {
            torn[offset] = 0
            let (verdict, entries) = Segment.replay(torn)
            switch verdict {
            case .torn(segment.offsets[4], _): break
            case .suspicious(segment.offsets[4], _, _): #expect(offset < segment.offsets[4] + 511)
            default: Issue.record("missing up to byte \(offset): \(verdict)")
            }
            #expect(entries.last?.index == LogIndex(8))
        }
    }

    @Test func everyFlippedBitBeforeTheEndOfTheLogIsNoticed() {
        let segment = Segment(lastPayloads: Segment.variants[0])
        var random = SeededRandom(seed: 5)
        for offset in 0..<segment.offsets[5] {
            var damaged = segment.bytes
            damaged[offset] ^= 1 << UInt8(random.below(8))
            let (verdict, _) = Segment.replay(damaged)
            switch verdict {
            case .damaged(nil, _, _): #expect(offset < segment.offsets[0])
            case .damaged(let end?, _, _):
                #expect(end == segment.offsets.last { $0 <= offset } && offset < segment.offsets[4])
            case .suspicious(let end, _, _): #expect(end == segment.offsets[4] && offset >= end)
            default:
                Issue.record("a flip in byte \(offset) was taken for \(verdict)")
                return
            }
        }
    }

    @Test func bitsFlippedAfterTheEndOfTheLogHarmNothing() {
        let segment = Segment(lastPayloads: Segment.variants[0])
        for offset in stride(from: segment.offsets[5], to: segment.bytes.count, by: 97) {
            var damaged = segment.bytes
            damaged[offset] ^= 1 << UInt8(offset % 8)
            let (verdict, entries) = Segment.replay(damaged)
            switch verdict {
            case .torn(segment.offsets[5], _): break
            case .suspicious(segment.offsets[5], _, _): #expect(offset < segment.offsets[5] + 512)
            default: Issue.record("a flip in byte \(offset) was taken for \(verdict)")
            }
            #expect(entries == segment.entries)
        }
    }

    @Test func aSectorLostFromABatchInTheMiddleIsNoticed() {
        let segment = Segment(lastPayloads: Segment.variants[0])
        for sector in stride(from: segment.offsets[0], to: segment.offsets[4], by: 512) {
            var damaged = segment.bytes
            damaged.replaceSubrange(sector..<(sector + 512), with: repeatElement(0, count: 512))
            let (verdict, _) = Segment.replay(damaged)
            guard case .damaged = verdict else {
                Issue.record("the lost sector at \(sector) was taken for \(verdict)")
                return
            }
        }
    }

    @Test func everyPayloadLeavesNoSectorThatBeginsOrEndsWithZero() {
        var random = SeededRandom(seed: 3)
        for length in [1, 400, 427, 428, 511, 512, 937, 938, 3_000, 5_000] {
            for isZero in [true, false] {
                var entry = Fixture.entry(1)
                entry.payload = (0..<length).map { _ in isZero ? 0 : UInt8(random.below(2)) }
                let batch = BatchCodec.encode([entry][...], segment: 1, sequence: 1, previousChain: 0)
                #expect(batch.bytes.count % 4_096 == 0)
                for sector in stride(from: 0, to: batch.bytes.count, by: 512) {
                    #expect(batch.bytes[sector] != 0 && batch.bytes[sector + 511] != 0)
                }
            }
        }
    }
}
