// Pemba: what a flight recorder has recorded happens again.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@testable import PembaRaft

struct FlightTests {
    /// Whatever happens to cores, their recordings lead to the same effects from any state on: the small ones begin anew
    /// every few inputs.
    @Test func aRecordingHappensAgain() throws {
        var inputs = 0
        for seed in Seeds(short: 30, full: 1_000) {
            for bytes in [8 << 10, 1 << 20] {
                var network = ChaoticNetwork(seed: seed, recordingBytes: bytes)
                try network.run(1_500)
                try network.converge()
                for node in network.nodes {
                    let recorder = try #require(node.recorder)
                    let report = try FlightReplay(recorder.recording).run { _ in }
                    let replay = Seeds.replay(seed, "FlightTests")
                    #expect(report.divergence == nil && !report.isDiscontinuous, "\(report.summary) \(replay)")
                    #expect(!report.isLastOpen && report.node == node.id, "\(replay)")
                    inputs += report.inputs
                }
            }
        }
        #expect(inputs > 10_000)
    }

    /// A state that was read is the one that was written.
    @Test func aStateIsReadAsItWasWritten() throws {
        for seed in Seeds(short: 10, full: 200) {
            var network = ChaoticNetwork(seed: seed)
            for _ in 0..<100 {
                try network.run(10)
                for node in network.nodes {
                    let written = written(node.core)
                    let core = try written.withUnsafeBytes { bytes in
                        var reader = FlightReader(UnsafeRawBufferPointer(bytes))
                        defer { #expect(reader.isAtEnd) }
                        return try RaftCore(decoding: &reader)
                    }
                    #expect(self.written(core) == written, "\(Seeds.replay(seed, "FlightTests"))")
                    #expect(core.status().peers == node.core.status().peers)
                    core.checkInvariants()
                }
            }
        }
    }

    private func written(_ core: RaftCore) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = bytes.withUnsafeMutableBytes { memory in
            var writer = FlightWriter(memory, at: 0)
            core.record(into: &writer)
            #expect(!writer.isFull)
            return writer.offset
        }
        return Array(bytes.prefix(count))
    }

    /// Of a long log only the end is recorded entry by entry, and nothing that follows from the rest is different.
    @Test func aLongLogIsReplayed() throws {
        let node = TestNode.leading()
        for count in 1...5_000 {
            node.propose([[UInt8](repeating: 1, count: count % 50)])
            if count % 100 == 0 { node.acknowledge(from: [2, 3]) }
        }
        let recorder = FlightRecorder(bytes: 64 << 10)
        node.recorder = recorder
        for count in 1...50 { node.propose([[UInt8](repeating: 1, count: count)]) }
        node.acknowledge(from: [2, 3])
        node.step(.applied(node.commit))
        node.step(.compact(node.commit))
        let report = try FlightReplay(recorder.recording).run { _ in }
        #expect(report.divergence == nil && report.inputs > 50)
    }

    /// The input in which a process ends is the last of its recording, and is told before the core takes it up.
    @Test func anInputIsRecordedBeforeItIsTakenUp() throws {
        let node = TestNode.leading()
        let recorder = FlightRecorder(bytes: 64 << 10)
        node.recorder = recorder
        node.propose()
        let input = FlightInput.step(.read(ticket: 77))
        #expect(recorder.record(input, now: node.now, wall: node.wall))
        var lines: [String] = []
        let report = try FlightReplay(recorder.recording).run { lines.append($0) }
        #expect(report.isLastOpen && report.divergence == nil)
        #expect(lines.contains { $0.contains("read(ticket: 77)") })
    }

    /// A core that does something else than the one that was recorded is found out.
    @Test func anotherCoreIsFoundOut() throws {
        let node = TestNode.leading()
        let recorder = FlightRecorder(bytes: 64 << 10)
        node.recorder = recorder
        node.propose()
        let input = FlightInput.step(.tick)
        #expect(recorder.record(input, now: node.now, wall: node.wall))
        recorder.conclude([.commit(i(99))])
        node.propose()
        let report = try FlightReplay(recorder.recording).run { _ in }
        // After the proposal and the acknowledgement of its write.
        #expect(report.divergence == 3 && report.inputs == 5)
        #expect(report.summary.contains("something else than was recorded"))
    }

    /// What does not fit is passed over, and what comes after is no continuation of what was before.
    @Test func whatDoesNotFitIsPassedOver() throws {
        let node = TestNode.leading()
        let recorder = FlightRecorder(bytes: 4 << 10)
        node.recorder = recorder
        node.propose()
        node.propose([[UInt8]](repeating: [], count: 3_000))
        for _ in 0..<70_000 { node.step(.applied(.zero)) }
        node.propose()
        let report = try FlightReplay(recorder.recording).run { _ in }
        #expect(report.divergence == nil && !report.isDiscontinuous)
        #expect(report.inputs > 0)
    }

    // MARK: Files that are none

    @Test func whatIsNoRecordingIsRefused() throws {
        #expect(throws: FlightError.notARecording) { try FlightReplay([]) }
        #expect(throws: FlightError.notARecording) { try FlightReplay([UInt8](repeating: 7, count: 5_000)) }
        let recorder = FlightRecorder(bytes: 8 << 10)
        let blank = recorder.recording
        #expect(throws: FlightError.empty) { try FlightReplay(blank) }
        #expect(throws: FlightError.wrongSize(bytes: 5_000, expected: 8 << 10)) {
            try FlightReplay(Array(blank.prefix(5_000)))
        }
        var other = blank
        other[4] = 9
        #expect(throws: FlightError.unknownVersion(9)) { try FlightReplay(other) }
    }

    /// No byte can change without being noticed, and none makes the reader trap.
    @Test func aChangedByteIsNoticed() throws {
        let node = TestNode.leading()
        let recorder = FlightRecorder(bytes: 4 << 10)
        node.recorder = recorder
        for _ in 0..<10 { node.propose() }
        let recording = recorder.recording
        var noticed = 0
        for place in recording.indices {
            var changed = recording
            changed[place] ^= 0x55
            do throws(FlightError) { _ = try FlightReplay(changed) } catch { noticed += 1 }
        }
        // All of the content, and what says where it is.
        #expect(noticed > 200)
    }
}
