// Pemba: flight recordings in files.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import PembaRaft
import PembaSimulation

/// Recordings of simulated nodes, and of real ones.
enum Recordings {
    /// Writes those of a run that failed, and says where they are.
    static func write(_ report: SimulationReport, to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for recording in report.recordings {
            let path = "\(folder)/flight-\(report.seed)-\(recording.node).ring"
            try Data(recording.bytes).write(to: URL(fileURLWithPath: path))
            print("recorded: sim --replay \(path)")
        }
    }

    /// Replays a file; each line is out before what it tells of happens, so that the last one tells of a trap.
    static func replay(_ path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw refusal("\(path) cannot be read") }
        let report: FlightReport
        do throws(FlightError) {
            let replay = try FlightReplay([UInt8](data))
            report = try replay.run { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) }
        } catch {
            throw refusal("\(path): \(error)")
        }
        print(report.summary)
        if report.divergence != nil || report.isDiscontinuous { throw ExitCode(1) }
    }

    private static func refusal(_ words: String) -> ExitCode {
        FileHandle.standardError.write(Data("sim: \(words)\n".utf8))
        return ExitCode(2)
    }
}
