// Pemba: the simulated file against one that is described as simply as can be.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaStorage

/// A file as a process reads it and as the disk holds it, each as a whole.
private struct PlainFile {
    private static let pageBytes = SimulatedFile.pageBytes

    var content: [UInt8] = []
    private var durable: [UInt8] = []
    private var durableSize = 0
    /// The pages that were written and are not durable, and whether a sync of them failed.
    private var dirty: [Int: Bool] = [:]

    var undecidedPages: Int { dirty.values.count { !$0 } }

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        let first = min(offset, content.count)
        let end = offset + bytes.count
        if content.count < end { content += repeatElement(0, count: end - content.count) }
        content.replaceSubrange(offset..<end, with: bytes)
        for page in first / PlainFile.pageBytes...(end - 1) / PlainFile.pageBytes { dirty[page] = false }
    }

    mutating func sync() {
        pad()
        for (page, isForgotten) in dirty where !isForgotten {
            for index in range(of: page) { durable[index] = content[index] }
            dirty[page] = nil
        }
        durableSize = content.count
    }

    mutating func failSync() {
        for page in dirty.keys { dirty[page] = true }
    }

    mutating func discardCache() {
        pad()
        for (page, isForgotten) in dirty where isForgotten {
            for index in range(of: page) { content[index] = durable[index] }
            dirty[page] = nil
        }
    }

    mutating func flip(bit: Int, at offset: Int) {
        pad()
        content[offset] ^= 1 << UInt8(bit)
        durable[offset] ^= 1 << UInt8(bit)
    }

    mutating func crash(pages: () -> PageOutcome, length: (ClosedRange<Int>) -> Int) {
        pad()
        for (page, isForgotten) in dirty.sorted(by: { $0.key < $1.key }) {
            let outcome = isForgotten ? .absent : pages()
            for index in range(of: page) {
                switch outcome {
                case .applied: break
                case .absent: content[index] = durable[index]
                case .zero: content[index] = 0
                case .mixed(let sectors):
                    let sector = index % PlainFile.pageBytes / SimulatedFile.sectorBytes
                    if sectors & (1 << UInt8(sector)) == 0 { content[index] = durable[index] }
                }
            }
        }
        if content.count > durableSize { content.removeLast(content.count - length(durableSize...content.count)) }
        (durable, durableSize, dirty) = (content, content.count, [:])
    }

    /// The disk holds zeros where its file has ended.
    private mutating func pad() {
        if durable.count < content.count { durable += repeatElement(0, count: content.count - durable.count) }
    }

    private func range(of page: Int) -> Range<Int> {
        let start = page * PlainFile.pageBytes
        return start..<max(start, min(start + PlainFile.pageBytes, content.count))
    }
}

@Suite struct SimulatedFileTests {
    /// Most of what happens, happens before this offset: what happens to one page several times is what is hard.
    private static let near = 6_000

    /// Whatever is written, synced and broken, and wherever zeros are: a process reads the same, and a crash leaves the same.
    @Test func aSimulatedFileIsWhatAPlainOneIs() {
        for seed in Seeds(short: 400, full: 40_000) {
            var random = SeededRandom(seed: seed)
            var file = SimulatedFile()
            var plain = PlainFile()
            for step in 0..<60 {
                change(file, &plain, &random)
                if random.chance(1, in: 16) { file = SimulatedFile(copying: file) }
                let replay = "step \(step): \(Seeds.replay(seed, "aSimulatedFileIsWhatAPlainOneIs"))"
                #expect(file.size == plain.content.count && file.undecidedPages == plain.undecidedPages, "\(replay)")
                guard file.content == plain.content, readsTheSame(file, plain, &random) else {
                    Issue.record("they read unlike bytes after \(replay)")
                    break
                }
            }
        }
    }

    /// A part of a page is written again whose bytes nobody has stored, as they are zero; behind it rots a bit.
    @Test func rotStaysWhereItIsWhenMoreOfItsPageIsWritten() {
        let file = SimulatedFile()
        func write(_ value: UInt8, _ part: Range<Int>) {
            [UInt8](repeating: value, count: part.count).withUnsafeBytes { file.write($0, at: part.lowerBound) }
        }
        write(0, 0..<4_096)
        file.sync()
        write(0, 0..<100)
        file.flip(bit: 0, at: 250)
        write(7, 200..<300)
        file.crash(pages: { .absent }, length: { $0.upperBound })
        #expect(file.content.indices.filter { file.content[$0] != 0 } == [250] && file.content[250] == 1)
    }

    /// Paths are looked up anew when a name has gone: by a rename, a removal or a crash.
    @Test func aFolderIsFoundByTheNameThatItHas() throws {
        let disk = SimulatedFileSystem(seed: 1)
        try disk.createFolder("/a")
        try disk.createFolder("/a/b")
        disk.close(try disk.create("/a/b/f"))
        try disk.rename("/a/b", to: "/a/c")
        #expect(throws: StorageError.self) { try disk.open("/a/b/f", forWriting: false) }
        disk.close(try disk.open("/a/c/f", forWriting: false))
        try disk.remove("/a/c/f")
        try disk.removeFolder("/a/c")
        #expect(throws: StorageError.self) { try disk.create("/a/c/f") }
        try disk.createFolder("/a/c")
        #expect(try disk.list("/a/c").isEmpty)
        try disk.syncFolder("/")
        try disk.syncFolder("/a")
        try disk.createFolder("/a/d")
        disk.close(try disk.create("/a/d/f"))
        disk.crash(pages: { .applied }, names: { false }, length: { $0.upperBound })
        #expect(try disk.isFolder("/a/c") && !disk.isFolder("/a/d"))
        #expect(throws: StorageError.self) { try disk.create("/a/d/f") }
    }

    private func change(_ file: SimulatedFile, _ plain: inout PlainFile, _ random: inout SeededRandom) {
        switch random.below(16) {
        case 0:
            file.failSync()
            plain.failSync()
        case 1:
            file.discardCache()
            plain.discardCache()
        case 2 where file.size > 0:
            let (bit, offset) = (random.below(8), random.below(min(file.size, Self.near)))
            file.flip(bit: bit, at: offset)
            plain.flip(bit: bit, at: offset)
        case 3:
            // Both are asked the same questions in the same order, and get the same answers.
            var (left, right) = (random, random)
            file.crash(pages: { Self.outcome(&left) }, length: { $0.lowerBound + left.below($0.count) })
            plain.crash(pages: { Self.outcome(&right) }, length: { $0.lowerBound + right.below($0.count) })
            #expect(left.next() == right.next(), "they were asked unlike questions")
            _ = random.next()
        case 4...6:
            file.sync()
            plain.sync()
        default:
            let offset = random.chance(1, in: 4) ? file.size : random.below(min(file.size, Self.near) + 1_000)
            let count = 1 + random.below(random.chance(1, in: 4) ? 9_000 : 300)
            var bytes = [UInt8](repeating: 0, count: count)
            if random.chance(1, in: 2) {
                // Unlike bytes, with zeros before and after them.
                let start = random.below(count)
                for place in start..<(start + random.below(count - start + 1)) {
                    bytes[place] = UInt8(truncatingIfNeeded: random.next())
                }
            }
            bytes.withUnsafeBytes { file.write($0, at: offset) }
            plain.write(bytes, at: offset)
        }
    }

    private static func outcome(_ random: inout SeededRandom) -> PageOutcome {
        switch random.below(4) {
        case 0: .applied
        case 1: .absent
        case 2: .mixed(sectors: UInt8(truncatingIfNeeded: random.next()))
        default: .zero
        }
    }

    private func readsTheSame(_ file: SimulatedFile, _ plain: PlainFile, _ random: inout SeededRandom) -> Bool {
        guard file.size > 0 else { return true }
        let offset = random.below(file.size)
        let count = 1 + random.below(file.size - offset)
        var buffer = [UInt8](repeating: 0xEE, count: count)
        buffer.withUnsafeMutableBytes { file.read(into: $0, at: offset) }
        return buffer.elementsEqual(plain.content[offset..<(offset + count)])
    }
}
