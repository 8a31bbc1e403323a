// Pemba: the last inputs of a Raft core.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Records what happens to a Raft core into memory of a fixed size, so that it can be done again (`FlightReplay`).
///
/// The memory has two halves. Each begins with the whole state of the core and goes on with inputs, each followed by a
/// hash of what the core did about it; when one is full the other begins anew. So at least half of the memory's worth of
/// inputs can always be replayed. An input is in the memory before the core takes it up: if that is the end of the process,
/// and the memory outlives it, the replay ends in the same way.
///
/// Writes into the memory and does nothing else; takes no memory of its own once it is made, but for the moment in which
/// a half begins. Confined to one thread.
package final class FlightRecorder {
    /// Bytes of a recording, unless somebody wants more or less.
    package static let usualBytes = 1 << 20
    /// Inputs that pass before another attempt, when a state or an input does not fit half of the memory.
    private static let inputsPassedOver = 65_536
    /// What is kept free for the outcome of the last input.
    private static let outcomeBytes = 32

    private let memory: UnsafeMutableRawBufferPointer
    private let ownsMemory: Bool
    private let halfBytes: Int
    /// The half that is being written; nil before the first, and if what followed could not be recorded.
    private var half: UnsafeMutableRawBufferPointer?
    private var generation: UInt64 = 0
    /// The end of what is written, in `half`.
    private var end = 0
    private var checksum: UInt32 = 0
    /// Whether the last input has no outcome yet.
    private var isOpen = false
    private var now: UInt64 = 0
    /// Civil time less `now`.
    private var offset: UInt64 = 0
    private var inputsToPassOver = 0

    /// Records into memory that outlives the recorder, and takes all of it.
    package init(memory: UnsafeMutableRawBufferPointer, ownsMemory: Bool = false) {
        self.memory = memory
        self.ownsMemory = ownsMemory
        halfBytes = (memory.count - FlightFormat.headerBytes) / 2
        precondition(halfBytes >= FlightFormat.halfBytesMin, "a recording takes more memory")
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        memory.storeBytes(of: FlightFormat.magic.littleEndian, as: UInt32.self)
        memory.storeBytes(of: FlightFormat.version.littleEndian, toByteOffset: 4, as: UInt16.self)
        memory.storeBytes(of: UInt32(halfBytes).littleEndian, toByteOffset: 8, as: UInt32.self)
    }

    /// Records into memory of its own.
    package convenience init(bytes: Int = FlightRecorder.usualBytes) {
        self.init(memory: .allocate(byteCount: bytes, alignment: 8), ownsMemory: true)
    }

    deinit { if ownsMemory { memory.deallocate() } }

    /// A copy of the recording as it stands.
    package var recording: [UInt8] { [UInt8](memory) }

    /// Records an input that is about to be taken up; false if the core's state must be recorded first (`begin`).
    package func record(_ input: FlightInput, now: Instant, wall: Timestamp) -> Bool {
        guard inputsToPassOver == 0 else {
            inputsToPassOver -= 1
            return true
        }
        guard let half else { return false }
        var writer = FlightWriter(
            UnsafeMutableRawBufferPointer(rebasing: half.dropLast(FlightRecorder.outcomeBytes)),
            at: end
        )
        let offset = UInt64(bitPattern: wall.nanoseconds) &- now.nanoseconds
        writer.number(FlightFormat.zigzag(now.nanoseconds &- self.now))
        writer.number(FlightFormat.zigzag(offset &- self.offset))
        input.record(into: &writer)
        guard !writer.isFull else { return false }
        self.now = now.nanoseconds
        self.offset = offset
        isOpen = true
        advance(to: writer.offset)
        return true
    }

    /// Begins a half with the state of a core that is about to take up the input.
    package func begin(with core: RaftCore, then input: FlightInput, now: Instant, wall: Timestamp) {
        // What comes after a gap is no continuation of what was before it.
        generation += half == nil ? 2 : 1
        let start = FlightFormat.headerBytes + Int(generation % 2) * halfBytes
        let half = UnsafeMutableRawBufferPointer(rebasing: memory[start..<(start + halfBytes)])
        half.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        half.storeBytes(of: generation.littleEndian, as: UInt64.self)
        end = FlightFormat.halfHeaderBytes
        checksum = 0
        self.now = now.nanoseconds
        offset = UInt64(bitPattern: wall.nanoseconds) &- now.nanoseconds
        var writer = FlightWriter(half, at: end)
        writer.fields(self.now, offset)
        core.record(into: &writer)
        self.half = half
        if !writer.isFull {
            advance(to: writer.offset)
            if record(input, now: now, wall: wall) { return }
        }
        self.half = nil
        inputsToPassOver = FlightRecorder.inputsPassedOver
    }

    /// Records what the core did about the last input.
    package func conclude(_ effects: [RaftEffect]) { conclude(effects, .none) }

    /// Records what became of the last input, a proposal.
    package func conclude(_ effects: [RaftEffect], _ outcome: ProposalOutcome) {
        conclude(effects, .proposal(outcome))
    }

    /// Records what became of the last input, a change of the membership.
    package func conclude(_ effects: [RaftEffect], _ outcome: MembershipOutcome) {
        conclude(effects, .membership(outcome))
    }

    private func conclude(_ effects: [RaftEffect], _ outcome: FlightOutcome) {
        guard isOpen, let half else { return }
        isOpen = false
        var writer = FlightWriter(half, at: end)
        writer.count(effects.count)
        writer.number(UInt64(FlightFormat.hash(effects, outcome)))
        advance(to: writer.offset)
    }

    /// Makes what was written up to here part of the recording, at once.
    private func advance(to newEnd: Int) {
        guard let half else { return }
        checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: half[end..<newEnd]), seed: checksum)
        end = newEnd
        let word = UInt64(end) | UInt64(checksum) << 32
        half.storeBytes(of: word.littleEndian, toByteOffset: 8, as: UInt64.self)
    }
}

/// What recorder and replay share.
enum FlightFormat {
    static let magic: UInt32 = 0x544C_4650
    static let version: UInt16 = 2
    static let headerBytes = 64
    static let halfHeaderBytes = 32
    static let halfBytesMin = 1_024

    /// A difference as a number that is small if the difference is, whatever its sign.
    static func zigzag(_ difference: UInt64) -> UInt64 {
        difference << 1 ^ UInt64(bitPattern: Int64(bitPattern: difference) >> 63)
    }

    static func unzigzag(_ value: UInt64) -> UInt64 { value >> 1 ^ (0 &- (value & 1)) }

    /// A hash of what the core did and said about an input.
    static func hash(_ effects: [RaftEffect], _ outcome: FlightOutcome) -> UInt32 {
        var hasher = FlightHasher()
        for effect in effects { effect.record(into: &hasher) }
        outcome.record(into: &hasher)
        return hasher.value
    }
}
