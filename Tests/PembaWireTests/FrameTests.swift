// Pemba: tests of frame headers and compression.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import PembaWire
import Testing

@Suite("Frames") struct FrameTests {
    private func header(_ bytes: [UInt8], limit: Int = Limits.framePayloadBytes) throws -> FrameHeader {
        try bytes.withUnsafeBytes { try FrameHeader(decoding: $0, payloadLimit: limit) }
    }

    private func encoded(_ header: FrameHeader) -> [UInt8] {
        var output = ByteWriter()
        header.encode(into: &output)
        return output.bytes
    }

    private func decompress(_ payload: [UInt8], limit: Int = Limits.framePayloadBytes) throws -> [UInt8] {
        var scratch: [UInt8] = [1, 2, 3]
        try payload.withUnsafeBytes { try FrameCompression.decompress($0, limit: limit, into: &scratch) }
        return scratch
    }

    @Test("a header survives its encoding") func roundTrip() throws {
        let original = FrameHeader(payloadLength: 300, type: .check, flags: .compressed, correlation: 0x1122_3344_5566)
        let bytes = encoded(original)
        #expect(bytes == [0x2C, 1, 0, 0, 16, 1, 0, 0, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0])
        #expect(try header(bytes) == original)
    }

    @Test("a frame that claims 4 GiB is refused by its header alone") func fourGibibytes() {
        var bytes = encoded(FrameHeader(payloadLength: .max, type: .check, correlation: 1))
        #expect(throws: FrameError.payloadTooLong(length: .max, limit: Limits.framePayloadBytes)) { try header(bytes) }
        bytes = encoded(FrameHeader(payloadLength: 4 << 20, type: .check, correlation: 1))
        #expect(throws: Never.self) { try header(bytes) }
        bytes = encoded(FrameHeader(payloadLength: (4 << 20) + 1, type: .check, correlation: 1))
        #expect(throws: FrameError.self) { try header(bytes) }
        #expect(throws: Never.self) { try header(bytes, limit: PeerLimits.framePayloadBytes) }
    }

    @Test("reserved bytes and unknown flags are refused, unknown types are not") func undefinedBits() throws {
        let good = encoded(FrameHeader(payloadLength: 0, type: .ping, correlation: 1))
        for bit in 1..<8 {
            var bytes = good
            bytes[5] = 1 << UInt8(bit)
            #expect(throws: FrameError.unknownFlags(1 << UInt8(bit))) { try header(bytes) }
        }
        for position in 6..<8 {
            var bytes = good
            bytes[position] = 1
            #expect(throws: FrameError.self) { try header(bytes) }
        }
        var bytes = good
        bytes[4] = 127
        let unknown = try header(bytes)
        #expect(unknown.type == nil)
        #expect(unknown.typeNumber == 127)
    }

    @Test("a large payload that repeats itself is compressed and comes back") func compression() throws {
        let raw = [UInt8](repeating: 0x61, count: FrameWriter.compressionThreshold)
        var output = ByteWriter()
        output.integer(UInt32(0xDEAD_BEEF))
        FrameWriter.frame(type: .writeSchema, correlation: 3, into: &output) { $0.raw(raw) }
        let frame = Array(output.bytes[4...])
        let header = try header(frame)
        #expect(header.flags == .compressed)
        #expect(frame.count == FrameHeader.size + Int(header.payloadLength))
        #expect(frame.count < raw.count / 50)
        #expect(try decompress(Array(frame[FrameHeader.size...])) == raw)
    }

    @Test("a payload that does not shrink, is small, or may not be compressed stays as it is") func noCompression()
        throws
    {
        var random = SeededRandom(seed: 5)
        let noise = (0..<FrameWriter.compressionThreshold * 2).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let small = [UInt8](repeating: 0, count: FrameWriter.compressionThreshold - 1)
        let large = [UInt8](repeating: 0, count: FrameWriter.compressionThreshold)
        for (payload, compressing) in [(noise, true), (small, true), (large, false)] {
            var output = ByteWriter()
            FrameWriter.frame(type: .peer, correlation: 0, compressing: compressing, into: &output) { $0.raw(payload) }
            #expect(try header(output.bytes).flags == [])
            #expect(Array(output.bytes[FrameHeader.size...]) == payload)
        }
    }

    @Test("a compressed payload that claims more than it can hold takes no memory") func compressionBomb() {
        var claim = ByteWriter()
        claim.integer(UInt32.max)
        claim.raw([0, 0, 0])
        #expect(throws: FrameError.payloadTooLong(length: .max, limit: 4 << 20)) { try decompress(claim.bytes) }
        var lie = ByteWriter()
        lie.integer(UInt32(4 << 20))
        lie.raw([UInt8](repeating: 0, count: 100))
        #expect(throws: FrameError.malformedCompression) { try decompress(lie.bytes) }
        // Refused by its length alone, before memory is taken.
        #expect(throws: FrameError.malformedCompression) {
            try lie.bytes.withUnsafeBytes { try FrameCompression.rawLength(of: $0, limit: 4 << 20) }
        }
        #expect(throws: FrameError.malformedCompression) { try decompress([]) }
        #expect(throws: FrameError.malformedCompression) { try decompress([0, 0, 0, 0]) }
        #expect(throws: FrameError.malformedCompression) { try decompress([0, 0, 0, 0, 0]) }
    }

    @Test("a compressed payload that is longer or shorter than it says is refused") func wrongRawLength() throws {
        let raw = [UInt8](repeating: 0x61, count: 20_000)
        var output = ByteWriter()
        FrameWriter.frame(type: .writeSchema, correlation: 3, into: &output) { $0.raw(raw) }
        let payload = Array(output.bytes[FrameHeader.size...])
        for wrong in [19_999, 20_001] {
            var bytes = payload
            for position in 0..<4 { bytes[position] = UInt8(truncatingIfNeeded: wrong >> (8 * position)) }
            #expect(throws: FrameError.malformedCompression) { try decompress(bytes) }
        }
        #expect(throws: FrameError.malformedCompression) { try decompress(payload.dropLast()) }
    }

    @Test("damaged blocks never do more than fail") func damagedBlocks() {
        for seed in Seeds(short: 200, full: 5_000) {
            var random = SeededRandom(seed: seed)
            var output = ByteWriter()
            FrameWriter.frame(type: .peer, correlation: 0, into: &output) {
                for _ in 0..<4_000 { $0.integer(UInt64(random.below(50))) }
            }
            var payload = Array(output.bytes[FrameHeader.size...])
            for _ in 0..<3 { payload[4 + random.below(payload.count - 4)] = UInt8(truncatingIfNeeded: random.next()) }
            let result = try? decompress(payload)
            #expect(result == nil || result?.count == 32_000, "\(Seeds.replay(seed, "damagedBlocks"))")
        }
    }

    @Test("a frame can be measured and taken back") func abandoned() {
        var output = ByteWriter()
        output.integer(UInt16(7))
        let start = FrameWriter.begin(type: .write, correlation: 1, into: &output)
        output.raw([1, 2, 3])
        #expect(FrameWriter.payloadLength(of: start, in: output) == 3)
        FrameWriter.abandon(start, in: &output)
        #expect(output.bytes == [7, 0])
    }
}
