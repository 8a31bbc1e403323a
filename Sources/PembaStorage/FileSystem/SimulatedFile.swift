// Pemba: one file of the simulated disk, with what is written and what is durable.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// What a crash does to one 4 KiB page that was written and not synced.
package enum PageOutcome: Hashable, Sendable {
    /// The new bytes are on disk.
    case applied
    /// The old bytes are on disk.
    case absent
    /// The new bytes of the sectors whose bit is set, and the old bytes of the other ones.
    case mixed(sectors: UInt8)
    /// Zeros are on disk.
    case zero
}

/// The bytes of one file: the current ones, and for every page that is not durable the durable ones.
final class SimulatedFile {
    static let pageBytes = 4_096
    static let sectorBytes = 512

    /// A page of which a part was written and is not durable.
    private struct Pending {
        let page: Int
        /// The part that was written, in the page.
        var written: Range<Int>
        /// What the disk holds of that part, from its beginning; the rest of it are zeros, as where the file ended before.
        var durable: [UInt8]
        /// Whether a sync of it failed: the operating system takes it for clean and never writes it again.
        var isForgotten = false

        /// The part of which `durable` has something, in the file.
        var kept: Range<Int> {
            let start = page * SimulatedFile.pageBytes + written.lowerBound
            return start..<(start + durable.count)
        }

        /// Gives all of the written part bytes of its own.
        mutating func spellOut() {
            durable.append(contentsOf: repeatElement(0, count: written.count - durable.count))
        }
    }

    /// What a process reads, but for zeros at the end.
    private var bytes: [UInt8] = []
    /// The zeros that follow: files are filled ahead of need, and most of that is never needed.
    private var zeros = 0
    /// The length that the disk holds.
    private var durableSize = 0
    /// The pages in which `bytes` may differ from the disk, ascending.
    private var pending: [Pending] = []

    init() {}

    /// A copy that shares nothing with the original.
    init(copying other: SimulatedFile) {
        bytes = other.bytes
        zeros = other.zeros
        durableSize = other.durableSize
        pending = other.pending
    }

    /// The file's length.
    var size: Int { bytes.count + zeros }

    /// What a process reads.
    var content: [UInt8] { bytes + repeatElement(0, count: zeros) }

    /// How many pages a crash decides about.
    var undecidedPages: Int { pending.count { !$0.isForgotten } }

    /// Fills a buffer with what begins at `offset`, all of which is there.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        let stored = max(0, min(buffer.count, bytes.count - offset))
        bytes.withUnsafeBytes { source in
            guard stored > 0 else { return }
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<(offset + stored)]))
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[stored...]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
        guard !source.isEmpty else { return }
        let end = offset + source.count
        let first = min(offset, size)
        for page in (first / SimulatedFile.pageBytes)...((end - 1) / SimulatedFile.pageBytes) {
            let start = page * SimulatedFile.pageBytes
            keep(max(first - start, 0)..<min(end - start, SimulatedFile.pageBytes), of: page)
        }
        let newSize = max(size, end)
        // All of them at once, which the processor does faster than it finds the first that is not zero.
        if offset < bytes.count || source.reduce(0, |) != 0 { store(source, at: offset) }
        zeros = newSize - bytes.count
    }

    private func store(_ source: UnsafeRawBufferPointer, at offset: Int) {
        store(upTo: offset)
        let end = offset + source.count
        let overwritten = min(end, bytes.count) - offset
        bytes.withUnsafeMutableBytes { target in
            let part = UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + overwritten)])
            part.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<overwritten]))
        }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: source[overwritten...]))
    }

    /// Stores the zeros before `end`, too.
    private func store(upTo end: Int) {
        guard end > bytes.count else { return }
        zeros = max(0, size - end)
        bytes.append(contentsOf: repeatElement(0, count: end - bytes.count))
    }

    /// Keeps what the disk holds in a part of a page that is about to be written.
    private func keep(_ part: Range<Int>, of page: Int) {
        let place = place(of: page)
        guard place < pending.count, pending[place].page == page else {
            let durable = Array(present(part, of: page))
            pending.insert(Pending(page: page, written: part, durable: durable), at: place)
            return
        }
        pending[place].isForgotten = false
        let written = pending[place].written
        if part.lowerBound < written.lowerBound {
            let before = present(part.lowerBound..<written.lowerBound, of: page)
            pending[place].durable.insert(contentsOf: before, at: 0)
            pending[place].written = part.lowerBound..<written.upperBound
        }
        if part.upperBound > written.upperBound {
            let after = present(written.upperBound..<part.upperBound, of: page)
            if !after.isEmpty {
                pending[place].spellOut()
                pending[place].durable += after
            }
            pending[place].written = pending[place].written.lowerBound..<part.upperBound
        }
    }

    /// Where a page is in `pending`, or would be; most writes are near the end.
    private func place(of page: Int) -> Int {
        var place = pending.count
        while place > 0, pending[place - 1].page >= page { place -= 1 }
        return place
    }

    /// What is stored of a part of a page; what is not is zero.
    private func present(_ part: Range<Int>, of page: Int) -> ArraySlice<UInt8> {
        let start = page * SimulatedFile.pageBytes
        return bytes[min(start + part.lowerBound, bytes.count)..<min(start + part.upperBound, bytes.count)]
    }

    /// Makes everything durable that the operating system still takes for dirty.
    func sync() {
        pending.removeAll { !$0.isForgotten }
        durableSize = size
    }

    /// What a failed sync leaves: nothing became durable, and nothing will by a later sync.
    func failSync() {
        for place in pending.indices { pending[place].isForgotten = true }
    }

    /// Shows again what the disk holds where a sync has failed.
    func discardCache() {
        for state in pending where state.isForgotten { restore(state) }
        pending.removeAll(where: \.isForgotten)
    }

    /// Damages the disk itself.
    func flip(bit: Int, at offset: Int) {
        precondition(offset < size, "there is no byte to rot")
        store(upTo: offset + 1)
        bytes[offset] ^= 1 << UInt8(bit)
        // What is kept of the disk is damaged there, too: a crash does not undo it.
        let page = offset / SimulatedFile.pageBytes
        let (place, offset) = (place(of: page), offset - page * SimulatedFile.pageBytes)
        guard place < pending.count, pending[place].page == page, pending[place].written.contains(offset) else {
            return
        }
        pending[place].spellOut()
        pending[place].durable[offset - pending[place].written.lowerBound] ^= 1 << UInt8(bit)
    }

    /// Decides about every page and the length, and keeps what the disk then holds.
    func crash(pages: () -> PageOutcome, length: (ClosedRange<Int>) -> Int) {
        let written = bytes
        for state in pending {
            let outcome = state.isForgotten ? .absent : pages()
            switch outcome {
            case .applied: break
            case .absent: restore(state)
            case .zero:
                let start = state.page * SimulatedFile.pageBytes
                for index in start..<max(start, min(start + SimulatedFile.pageBytes, bytes.count)) { bytes[index] = 0 }
            case .mixed(let sectors):
                restore(state)
                for sector in 0..<8 where sectors & (1 << UInt8(sector)) != 0 {
                    let start = state.page * SimulatedFile.pageBytes + sector * SimulatedFile.sectorBytes
                    for index in start..<max(start, min(start + SimulatedFile.sectorBytes, bytes.count)) {
                        bytes[index] = index < written.count ? written[index] : 0
                    }
                }
            }
        }
        if size > durableSize { truncate(to: length(durableSize...size)) }
        pending = []
        durableSize = size
    }

    private func truncate(to length: Int) {
        if bytes.count > length { bytes.removeLast(bytes.count - length) }
        zeros = length - bytes.count
    }

    /// Puts back what the disk holds of a page.
    private func restore(_ state: Pending) {
        let kept = state.kept
        if !kept.isEmpty {
            store(upTo: kept.upperBound)
            bytes.replaceSubrange(kept, with: state.durable)
        }
        let end = min(kept.lowerBound + state.written.count, bytes.count)
        for index in min(kept.upperBound, end)..<end { bytes[index] = 0 }
    }
}
