// Pemba: the bytes of every stored format, which are final.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaRaft
import Testing

@testable import PembaStorage

/// Bytes as hexadecimal digits.
private func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
}

@Suite struct GoldenBytesTests {
    private let identityBytes = "0123456789abcdef" + "fedcba9876543210" + "0200000000000000" + "01000000"

    @Test func voteFile() throws {
        let record = SuperRecord(
            generation: 5,
            identity: Fixture.identity,
            hardState: HardState(term: Term(7), vote: NodeID(3))
        )
        let slot = SuperVerdict.slot(record)
        #expect(slot.count == 4_096)
        let fields =
            "50535550" + "0100" + "0000" + "0500000000000000" + identityBytes + "00000000"
            + "0700000000000000" + "0300000000000000"
        #expect(hexadecimal(slot[0..<64]) == fields)
        #expect(slot[64..<508].allSatisfy { $0 == 0 })
        #expect(hexadecimal(slot[508..<512]) == "bcce4795")
        #expect(slot[512..<2_048].allSatisfy { $0 == 0xA5 })
        #expect(slot[2_048..<2_560].elementsEqual(slot[0..<512]))
        #expect(slot[2_560...].allSatisfy { $0 == 0xA5 })
        let empty = [UInt8](repeating: 0, count: 4_096)
        #expect(SuperVerdict.read(empty + slot) == .record(record))
    }

    /// What a node owes, and from where on it votes; each makes a version that older programs refuse.
    @Test func voteFileOfANodeThatMayNotVote() {
        let debt = LogDebt(kind: .range, term: Term(6))
        for (debt, votesFrom) in [(debt, 0), (nil, 9), (debt, 9)] as [(LogDebt?, UInt64)] {
            let state = HardState(term: Term(7), debt: debt, votesFrom: LogIndex(votesFrom))
            let record = SuperRecord(generation: 5, identity: Fixture.identity, hardState: state)
            let slot = SuperVerdict.slot(record)
            #expect(hexadecimal(slot[4..<6]) == (votesFrom == 0 ? "0200" : "0300"))
            let owed = debt == nil ? "00000000000000000000000000000000" : "02000000000000000600000000000000"
            #expect(hexadecimal(slot[64..<88]) == owed + (votesFrom == 0 ? "00" : "09") + "00000000000000")
            #expect(slot[88..<508].allSatisfy { $0 == 0 })
            #expect(SuperVerdict.read([UInt8](repeating: 0, count: 4_096) + slot) == .record(record))
        }
    }

    @Test func segmentHeader() throws {
        let header = SegmentHeader(
            id: 9,
            capacity: 1 << 20,
            identity: Fixture.identity,
            firstIndex: LogIndex(100),
            previousTerm: Term(6),
            firstSequence: 55,
            previousChain: 0x1122_3344_5566_7788,
            restartsLog: true
        )
        let bytes = header.encoded()
        #expect(bytes.count == 4_096)
        let fields =
            "50534547" + "0100" + "0100" + "0900000000000000" + "0000100000000000" + identityBytes + "00000000"
            + "6400000000000000" + "0600000000000000" + "3700000000000000" + "8877665544332211"
        #expect(hexadecimal(bytes[0..<88]) == fields)
        #expect(bytes[88..<4_092].allSatisfy { $0 == 0xA5 })
        #expect(hexadecimal(bytes[4_092...]) == "0369b35d")
        #expect(try bytes.withUnsafeBytes { try SegmentHeader.read($0).get() } == header)
    }

    @Test func batch() throws {
        let entry = LogEntry(
            index: LogIndex(100),
            term: Term(6),
            timestamp: Timestamp(nanoseconds: 0x0102),
            kind: .command,
            payload: [0xDE, 0xAD]
        )
        let batch = BatchCodec.encode([entry][...], segment: 9, sequence: 55, previousChain: 0x1122_3344_5566_7788)
        #expect(batch.bytes.count == 4_096)
        let header =
            "50424154" + "01" + "00" + "0000" + "1c000000" + "1c000000" + "01000000" + "00000000"
            + "0900000000000000" + "3700000000000000" + "6400000000000000" + "0600000000000000" + "0600000000000000"
            + "8877665544332211" + "00000000"
        #expect(hexadecimal(batch.bytes[0..<76]) == header)
        #expect(hexadecimal(batch.bytes[76..<80]) == "b67b60fc")
        let stored = "6400000000000000" + "0600000000000000" + "0201000000000000" + "01" + "02" + "dead"
        #expect(hexadecimal(batch.bytes[80..<108]) == stored)
        #expect(hexadecimal(batch.bytes[108..<112]) == "be40966e")
        for offset in 112..<4_096 {
            #expect(batch.bytes[offset] == (offset % 512 == 511 ? 0x5A : 0xA5))
        }
        #expect(batch.chain == 0x6E96_40BE_FC60_7BB6)
    }

    /// An LZ4 block of another library version may differ; reading it may not.
    @Test func compressedBatchIsRead() throws {
        // 1,200 bytes of zeros as an LZ4 block: one literal, then one match that repeats it.
        let block: [UInt8] = [0x1F, 0x00, 0x01, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0x9B, 0x50, 0, 0, 0, 0, 0]
        let raw = block.withUnsafeBytes { LZ4Block.decode($0, encoding: .lz4, rawLength: 1_200) }
        #expect(raw == Array(repeating: 0, count: 1_200))
        #expect(block.withUnsafeBytes { LZ4Block.decode($0, encoding: .lz4, rawLength: 1_199) } == nil)
        #expect(block.withUnsafeBytes { LZ4Block.decode($0, encoding: .lz4, rawLength: 1_201) } == nil)
        #expect(block.dropLast().withUnsafeBytes { LZ4Block.decode($0, encoding: .lz4, rawLength: 1_200) } == nil)
    }

    @Test func sectorsOfALongBatch() throws {
        let entry = Fixture.entry(1, bytes: 1_000)
        let batch = BatchCodec.encode([entry][...], segment: 1, sequence: 1, previousChain: 0)
        // Content 0..<511 in sector 0, 511..<1021 in sector 1, 1021... in sector 2; 107 bytes come before the payload.
        #expect(batch.bytes[511] == 0x5A && batch.bytes[512] == 0xA5 && batch.bytes[1_023] == 0x5A)
        #expect(batch.bytes[510] == entry.payload[510 - 107])
        #expect(batch.bytes[513] == entry.payload[511 - 107])
        #expect(batch.bytes[1_022] == entry.payload[1_020 - 107])
        #expect(batch.bytes[1_025] == entry.payload[1_021 - 107])
    }

    @Test func snapshotBlock() throws {
        let block = SnapshotBlock.encode([1, 2, 3, 4, 5], number: 7)
        let header = "50424c4b" + "01" + "00" + "0000" + "07000000" + "05000000" + "05000000"
        #expect(hexadecimal(block.bytes[0..<20]) == header)
        #expect(hexadecimal(block.bytes[20..<24]) == "29fb2a45")
        #expect(hexadecimal(block.bytes[24...]) == "0102030405")
        #expect(try SnapshotBlock.decode(block.bytes, number: 7, entry: block.entry) == [1, 2, 3, 4, 5])
    }

    @Test func snapshotManifest() throws {
        let manifest = SnapshotManifest(
            cluster: Fixture.identity.cluster,
            epoch: .first,
            point: Fixture.point(8, term: 2),
            blocks: [SnapshotBlockEntry(storedBytes: 29, rawBytes: 5, checksum: 0xAABB_CCDD)],
            root: SHA256.digest(SHA256.digest([1, 2, 3, 4, 5]))
        )
        let bytes = manifest.encoded()
        let configuration = "1d" + "01" + "03" + "0100000000000000" + "0200000000000000" + "0300000000000000" + "000000"
        let fields =
            "504d414e" + "0100" + "0000" + "0123456789abcdef" + "fedcba9876543210" + "01000000"
            + "0800000000000000" + "0200000000000000" + "401f000000000000" + "000102030405060708090a0b0c0d0e0f"
            + configuration + "01000000" + "1d000000" + "05000000" + "ddccbbaa"
        #expect(hexadecimal(bytes.dropLast(36)) == fields)
        #expect(
            hexadecimal(bytes.suffix(36).prefix(32))
                == "a26baf5a9a07d9eb7ba10f43924dcdf3f75f0abf066cd9f0c76f983121302e01"
        )
        #expect(hexadecimal(bytes.suffix(4)) == "49d515a5")
        #expect(try SnapshotManifest(decoding: bytes) == manifest)
    }

    @Test func digestIsSHA256() {
        // FIPS 180-4, the example of one block.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(hexadecimal(SHA256.digest(Array("abc".utf8))) == expected)
    }
}

@Suite struct DecodingTests {
    @Test func aManifestCutAnywhereIsRefused() throws {
        let bytes = try Fixture.foreignSnapshot(9, term: 1)[0]
        for length in 0..<bytes.count {
            #expect(throws: ByteError.self) { try SnapshotManifest(decoding: Array(bytes.prefix(length))) }
        }
    }

    @Test func versionsThatAreNotKnownAreNamed() throws {
        let (disk, store) = try Fixture.newStore()
        store.close()
        try overwriteVersion(disk, "/data/log/segment-0000000000000001", length: 4_096)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .unsupportedVersion)
        disk.kill()
        try overwriteVersion(disk, "/data/super", length: 512)
        #expect(code { () throws(StorageError) in try Fixture.open(disk) } == .unsupportedVersion)
    }

    /// Writes version 9 into a header of `length` bytes that ends with its checksum.
    private func overwriteVersion(_ disk: Disk, _ path: String, length: Int) throws {
        var header = Array(try disk.content(path).prefix(length - 4))
        header[4] = 9
        var writer = ByteWriter()
        writer.raw(header)
        writer.integer(CRC32C.checksum(header))
        let handle = try disk.open(path, forWriting: true)
        try disk.write(handle, writer.bytes, at: 0)
        disk.close(handle)
    }
}
