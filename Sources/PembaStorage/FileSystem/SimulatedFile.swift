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

    private struct Pending {
        /// Where what was written begins, in the page.
        var start: Int
        /// What the disk holds there, as far as was written; zeros where the durable file ends before.
        var durable: [UInt8]
        /// Whether a sync of it failed: the operating system takes it for clean and never writes it again.
        var isForgotten: Bool
    }

    /// What a process reads.
    private(set) var bytes: [UInt8] = []
    /// The length that the disk holds.
    private var durableSize = 0
    /// The pages in which `bytes` may differ from the disk.
    private var pending: [Int: Pending] = [:]

    init() {}

    /// A copy that shares nothing with the original.
    init(copying other: SimulatedFile) {
        bytes = other.bytes
        durableSize = other.durableSize
        pending = other.pending
    }

    /// How many pages a crash decides about.
    var undecidedPages: Int { pending.values.reduce(0) { $0 + ($1.isForgotten ? 0 : 1) } }

    func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
        let end = offset + source.count
        guard end > offset else { return }
        let first = min(offset, bytes.count)
        if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
        for page in (first / SimulatedFile.pageBytes)...((end - 1) / SimulatedFile.pageBytes) {
            let start = page * SimulatedFile.pageBytes
            keep(max(first - start, 0)..<min(end - start, SimulatedFile.pageBytes), of: page)
        }
        bytes.withUnsafeMutableBytes { target in
            UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyMemory(from: source)
        }
    }

    /// Keeps what the disk holds in a part of a page that is about to be written.
    private func keep(_ part: Range<Int>, of page: Int) {
        let start = page * SimulatedFile.pageBytes
        guard var state = pending.removeValue(forKey: page) else {
            let durable = Array(bytes[(start + part.lowerBound)..<(start + part.upperBound)])
            pending[page] = Pending(start: part.lowerBound, durable: durable, isForgotten: false)
            return
        }
        state.isForgotten = false
        if part.lowerBound < state.start {
            state.durable.insert(contentsOf: bytes[(start + part.lowerBound)..<(start + state.start)], at: 0)
            state.start = part.lowerBound
        }
        let end = state.start + state.durable.count
        if part.upperBound > end { state.durable += bytes[(start + end)..<(start + part.upperBound)] }
        pending[page] = state
    }

    /// Makes everything durable that the operating system still takes for dirty.
    func sync() {
        if pending.values.contains(where: \.isForgotten) {
            pending = pending.filter { $0.value.isForgotten }
        } else {
            pending.removeAll(keepingCapacity: true)
        }
        durableSize = bytes.count
    }

    /// What a failed sync leaves: nothing became durable, and nothing will by a later sync.
    func failSync() {
        for page in pending.keys { pending[page]?.isForgotten = true }
    }

    /// Shows again what the disk holds where a sync has failed.
    func discardCache() {
        for (page, state) in pending where state.isForgotten {
            restore(state, page: page)
            pending[page] = nil
        }
    }

    /// Damages the disk itself.
    func flip(bit: Int, at offset: Int) {
        bytes[offset] ^= 1 << UInt8(bit)
        // What is kept of the disk is damaged there, too: a crash does not undo it.
        let page = offset / SimulatedFile.pageBytes
        guard let state = pending[page] else { return }
        let place = offset - page * SimulatedFile.pageBytes - state.start
        if state.durable.indices.contains(place) { pending[page]?.durable[place] ^= 1 << UInt8(bit) }
    }

    /// Decides about every page and the length, and keeps what the disk then holds.
    func crash(pages: () -> PageOutcome, length: (ClosedRange<Int>) -> Int) {
        let written = bytes
        for page in pending.keys.sorted() {
            guard let state = pending[page] else { continue }
            let outcome = state.isForgotten ? .absent : pages()
            switch outcome {
            case .applied: break
            case .absent: restore(state, page: page)
            case .zero:
                let start = page * SimulatedFile.pageBytes
                for index in start..<max(start, min(start + SimulatedFile.pageBytes, bytes.count)) { bytes[index] = 0 }
            case .mixed(let sectors):
                restore(state, page: page)
                for sector in 0..<8 where sectors & (1 << UInt8(sector)) != 0 {
                    let start = page * SimulatedFile.pageBytes + sector * SimulatedFile.sectorBytes
                    for index in start..<max(start, min(start + SimulatedFile.sectorBytes, bytes.count)) {
                        bytes[index] = written[index]
                    }
                }
            }
        }
        if bytes.count > durableSize { bytes.removeLast(bytes.count - length(durableSize...bytes.count)) }
        pending = [:]
        durableSize = bytes.count
    }

    /// Puts back what the disk holds of a page.
    private func restore(_ state: Pending, page: Int) {
        let start = page * SimulatedFile.pageBytes + state.start
        bytes.replaceSubrange(start..<(start + state.durable.count), with: state.durable)
    }
}
