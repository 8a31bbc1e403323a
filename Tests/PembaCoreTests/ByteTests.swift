// Pemba: tests of reading and writing bytes.
// SPDX-License-Identifier: Apache-2.0

import CPembaChecksum
import PembaCore
import PembaTestSupport
import Testing

struct ByteTests {
    @Test func integersRoundTripLittleEndian() throws {
        var writer = ByteWriter()
        writer.integer(UInt32(0x0102_0304))
        writer.integer(Int64(-2))
        #expect(writer.bytes == [4, 3, 2, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            #expect(try reader.integer(UInt32.self) == 0x0102_0304)
            #expect(try reader.integer(Int64.self) == -2)
            try reader.expectEnd()
        }
    }

    @Test(arguments: [UInt64(0), 1, 127, 128, 300, 1 << 32, .max])
    func varintsRoundTrip(value: UInt64) throws {
        var writer = ByteWriter()
        writer.varint(value)
        try writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            #expect(try reader.varint() == value)
            try reader.expectEnd()
        }
    }

    @Test(arguments: [
        [0x80, 0x00], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02], [UInt8](repeating: 0x80, count: 11),
    ])
    func malformedVarintsAreRefused(bytes: [UInt8]) {
        bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            #expect(throws: ByteError.malformedVarint) { try reader.varint() }
        }
    }

    @Test func lengthsAreCheckedBeforeMemoryIsTaken() {
        var writer = ByteWriter()
        writer.varint(1 << 40)
        writer.bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            #expect(throws: ByteError.exceedsLimit(value: 1 << 40, limit: 100)) { try reader.string(limit: 100) }
        }
    }

    @Test func truncatedAndInvalidTextIsRefused() {
        let truncated: [UInt8] = [5, 0x61]
        truncated.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            #expect(throws: ByteError.truncated(needed: 5, available: 1)) { try reader.string(limit: 10) }
        }
        let invalid: [UInt8] = [2, 0xC3, 0x28]
        invalid.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            #expect(throws: ByteError.invalidUTF8) { try reader.string(limit: 10) }
        }
    }

    /// Wherever in a string a byte stands that no UTF-8 has, it is found; and what is UTF-8 is taken as it is.
    @Test func textIsLookedAtWhole() {
        for length in 1...20 {
            for place in 0..<length {
                var bytes = [UInt8](repeating: 0x61, count: length)
                bytes[place] = 0xFF
                #expect(bytes.withUnsafeBytes { String(utf8: $0) } == nil, "\(place) of \(length)")
                bytes.replaceSubrange(place...place, with: [0xC3, 0xA9])
                #expect(bytes.withUnsafeBytes { String(utf8: $0) }.map { Array($0.utf8) } == bytes)
            }
        }
        #expect([UInt8]().withUnsafeBytes { String(utf8: $0) } == "")
    }

    /// The check value of the polynomial, and the vectors of RFC 3720, appendix B.4.
    @Test func checksumHasThePublishedValues() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
    }

    @Test func hardwareAndPortableChecksumsAgree() {
        for seed in Seeds(short: 200, full: 20_000) {
            var random = SeededRandom(seed: seed)
            let bytes = (0..<random.below(300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let start = UInt32(truncatingIfNeeded: random.next())
            let portable = bytes.withUnsafeBytes { pemba_crc32c_portable(start, $0.baseAddress, $0.count) }
            #expect(CRC32C.checksum(bytes, seed: start) == portable, "\(Seeds.replay(seed, "ByteTests"))")
        }
    }

    @Test func base64URLRoundTripsAndRefusesRubbish() {
        for seed in Seeds(short: 100, full: 10_000) {
            var random = SeededRandom(seed: seed)
            let bytes = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "\(Seeds.replay(seed, "ByteTests"))")
        }
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
        #expect(Base64URL.decode("-_9") == nil)
        #expect(Base64URL.decode("a") == nil)
        #expect(Base64URL.decode("+/8") == nil)
    }
}
