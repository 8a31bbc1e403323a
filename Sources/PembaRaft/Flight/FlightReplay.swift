// Pemba: doing again what a flight recorder recorded.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Why a recording cannot be read.
package enum FlightError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It does not begin like one.
    case notARecording
    /// Another program wrote it.
    case unknownVersion(UInt16)
    /// Its size is not the one that it names.
    case wrongSize(bytes: Int, expected: Int)
    /// Nothing was recorded.
    case empty
    /// The bytes of a half are not those that were written.
    case damaged(generation: UInt64)
    /// What was written makes no sense.
    case unreadable(generation: UInt64, ByteError)

    package var description: String {
        switch self {
        case .notARecording: "this is no flight recording: it does not begin with PFLT"
        case .unknownVersion(let version):
            "this flight recording has version \(version): replay it with the version of Pemba that wrote it"
        case .wrongSize(let bytes, let expected):
            "this flight recording has \(bytes) bytes instead of \(expected): copy it again, all of it"
        case .empty: "this flight recording is empty: nothing had happened when it was copied"
        case .damaged(let generation):
            "part \(generation) of this flight recording is damaged (checksum): copy it again from the node"
        case .unreadable(let generation, let error):
            "part \(generation) of this flight recording makes no sense (\(error)): replay it with the version of Pemba that wrote it"
        }
    }
}

/// What a replay found.
package struct FlightReport: Equatable, Sendable {
    /// Inputs that were replayed.
    package var inputs = 0
    /// The first input, from 1, about which the core did something else than was recorded; nil: none.
    package var divergence: Int?
    /// Whether the last input has no recorded outcome: the process ended while the core took it up, or just before.
    package var isLastOpen = false
    /// Whether the state at the end of the first part is not the one at the beginning of the second.
    package var isDiscontinuous = false
    /// The node.
    package var node = NodeID(0)

    /// The verdict, for people.
    package var summary: String {
        let verdict =
            if let divergence {
                "at input \(divergence) the core did something else than was recorded: another version, or entries that the "
                    + "recording does not have"
            } else if isDiscontinuous {
                "the core did what was recorded, but the second part begins with another state than the first ends with"
            } else {
                "the core did what was recorded"
            }
        let end = isLastOpen ? "; the node ended while it took up the last input, or just before" : ""
        return "\(inputs) inputs of node \(node) were replayed: \(verdict)\(end)"
    }
}

/// Steps a core through the inputs of a recording.
package struct FlightReplay {
    private struct Part {
        var generation: UInt64
        var content: Range<Int>
    }

    private let bytes: [UInt8]
    /// Those that belong together, the older first.
    private var parts: [Part] = []

    /// Checks a recording as far as that is possible without replaying it.
    package init(_ bytes: [UInt8]) throws(FlightError) {
        self.bytes = bytes
        guard bytes.count >= FlightFormat.headerBytes, FlightReplay.word(of: bytes, at: 0) == FlightFormat.magic else {
            throw .notARecording
        }
        let version = UInt16(truncatingIfNeeded: FlightReplay.word(of: bytes, at: 4))
        guard version == FlightFormat.version else { throw .unknownVersion(version) }
        let half = Int(FlightReplay.word(of: bytes, at: 8))
        let expected = FlightFormat.headerBytes + half * 2
        guard half >= FlightFormat.halfBytesMin, bytes.count == expected else {
            throw .wrongSize(bytes: bytes.count, expected: expected)
        }
        for start in [FlightFormat.headerBytes, FlightFormat.headerBytes + half] {
            if let part = try part(at: start, halfBytes: half) { parts.append(part) }
        }
        parts.sort { $0.generation < $1.generation }
        guard let last = parts.last else { throw .empty }
        // What came before a gap leads to nothing that is recorded.
        parts.removeAll { $0.generation + 1 < last.generation }
    }

    private func part(at start: Int, halfBytes: Int) throws(FlightError) -> Part? {
        let length = Int(FlightReplay.word(of: bytes, at: start + 8))
        guard length > 0 else { return nil }
        let low = UInt64(FlightReplay.word(of: bytes, at: start))
        let generation = low | UInt64(FlightReplay.word(of: bytes, at: start + 4)) << 32
        guard length >= FlightFormat.halfHeaderBytes, length <= halfBytes else {
            throw .damaged(generation: generation)
        }
        let content = (start + FlightFormat.halfHeaderBytes)..<(start + length)
        guard CRC32C.checksum(Array(bytes[content])) == FlightReplay.word(of: bytes, at: start + 12) else {
            throw .damaged(generation: generation)
        }
        return Part(generation: generation, content: content)
    }

    private static func word(of bytes: [UInt8], at offset: Int) -> UInt32 {
        var word: UInt32 = 0
        for place in (0..<4).reversed() { word = word << 8 | UInt32(bytes[offset + place]) }
        return word
    }

    /// Replays the recording; what happens is told line by line, each input before the core takes it up.
    package func run(tell: (String) -> Void) throws(FlightError) -> FlightReport {
        var report = FlightReport()
        var previous: RaftCore?
        for part in parts {
            let range = part.content
            let outcome = bytes.withUnsafeBytes { all in
                var reader = FlightReader(UnsafeRawBufferPointer(rebasing: all[range]))
                return Result { () throws(ByteError) in
                    try replay(&reader, after: &previous, into: &report, tell: tell)
                }
            }
            do throws(ByteError) {
                try outcome.get()
            } catch {
                throw .unreadable(generation: part.generation, error)
            }
        }
        return report
    }

    private func replay(
        _ reader: inout FlightReader,
        after previous: inout RaftCore?,
        into report: inout FlightReport,
        tell: (String) -> Void
    ) throws(ByteError) {
        var (now, offset) = (try reader.number(), try reader.number())
        var core = try RaftCore(decoding: &reader)
        report.node = core.id
        tell("node \(core.id) \(core.flightSummary)")
        if let previous, previous.flightSummary != core.flightSummary {
            report.isDiscontinuous = true
            tell("  this is not the state in which the recording before this one ends: \(previous.flightSummary)")
        }
        while !reader.isAtEnd {
            now = now &+ FlightFormat.unzigzag(try reader.number())
            offset = offset &+ FlightFormat.unzigzag(try reader.number())
            let wall = Timestamp(nanoseconds: Int64(bitPattern: now &+ offset))
            let input = try FlightInput(decoding: &reader)
            report.inputs += 1
            tell("\(report.inputs) \(wall.rfc3339) \(input.flightText)")
            let (effects, outcome) = core.take(input, now: Instant(nanoseconds: now), wall: wall)
            for effect in effects { tell("    \(effect.flightText)") }
            report.isLastOpen = reader.isAtEnd
            guard !reader.isAtEnd else { break }
            let (count, hash) = (try reader.number(), try reader.number())
            if count != UInt64(effects.count) || hash != UInt64(FlightFormat.hash(effects, outcome)) {
                if report.divergence == nil { report.divergence = report.inputs }
                tell("    this is not what was recorded: \(count) effects with the hash \(String(hash, radix: 16))")
            }
            tell("    \(core.flightSummary)")
        }
        previous = core
    }
}

extension RaftCore {
    /// Takes up what was recorded.
    fileprivate mutating func take(
        _ input: FlightInput,
        now: Instant,
        wall: Timestamp
    ) -> (effects: [RaftEffect], outcome: FlightOutcome) {
        var effects: [RaftEffect] = []
        switch input {
        case .step(let input):
            step(input, now: now, wall: wall, into: &effects)
            return (effects, .none)
        case .propose(let payloads):
            let outcome = propose(payloads, now: now, wall: wall, into: &effects)
            return (effects, .proposal(outcome))
        case .changeMembership(let request, let expected):
            let outcome = changeMembership(
                request,
                ifConfigurationIsAt: expected,
                now: now,
                wall: wall,
                into: &effects
            )
            return (effects, .membership(outcome))
        }
    }
}
