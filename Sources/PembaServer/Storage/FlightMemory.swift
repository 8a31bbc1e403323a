// Pemba: memory for a node's flight recorder that outlives the process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import PembaCore
import PembaRaft

/// A file in the machine's memory that is mapped into the process.
///
/// Whatever ends the process, SIGKILL included, the file stays with what was recorded up to then; the next process of the
/// node copies it into its data folder. It is not on the disk: the kernel writes a mapped file back whenever it likes, and
/// a write into memory could then wait for a disk that hangs.
final class FlightMemory {
    /// Copies in a data folder; the oldest give way.
    static let copiesMax = 8
    /// Where files are that are in memory.
    private static let folder = "/dev/shm"

    let recorder: FlightRecorder
    /// The mapped file; nil if there is none, so that the recording does not outlive the process.
    private let path: String?
    private let memory: UnsafeMutableRawBufferPointer?

    /// Maps a new file, after what a former process of the node has left was copied into its data folder.
    init(_ configuration: NodeConfiguration, logger: Logger) {
        let path = "\(FlightMemory.folder)/pemba-\(configuration.cluster)-\(configuration.node).ring"
        FlightMemory.rescue(path, into: configuration.dataFolder, logger: logger)
        if let memory = FlightMemory.map(path, bytes: FlightRecorder.usualBytes) {
            self.path = path
            self.memory = memory
            recorder = FlightRecorder(memory: memory)
        } else {
            logger.info(
                "the flight recording will not outlive the process: it has no file in memory",
                metadata: ["path": "\(path)", "error": "\(String(cString: strerror(errno)))"]
            )
            self.path = nil
            memory = nil
            recorder = FlightRecorder()
        }
    }

    /// A copy of what is recorded.
    var recording: [UInt8] { recorder.recording }

    deinit { if let memory { munmap(memory.baseAddress, memory.count) } }

    /// The process ends in order: nobody needs to know how it came to that.
    func forget() { if let path { unlink(path) } }

    private static func map(_ path: String, bytes: Int) -> UnsafeMutableRawBufferPointer? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Without the room a write would end the process.
        guard posix_fallocate(descriptor, 0, bytes) == 0,
            let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, 0),
            address != MAP_FAILED
        else {
            unlink(path)
            return nil
        }
        return UnsafeMutableRawBufferPointer(start: address, count: bytes)
    }

    /// Copies what a former process has left, unless it is not the work of this user.
    private static func rescue(_ path: String, into folder: String, logger: Logger) {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid() else { return }
        let handle = Foundation.FileHandle(fileDescriptor: descriptor, closeOnDealloc: false)
        let bytes = (try? handle.read(upToCount: FlightRecorder.usualBytes)) ?? Data()
        defer { unlink(path) }
        // It may have ended before anything had happened.
        guard (try? FlightReplay([UInt8](bytes))) != nil else { return }
        let isWritten = write(
            [UInt8](bytes),
            into: folder,
            logger: logger,
            "the last process did not stop in order: its recording is kept"
        )
        // Perhaps a full disk was the end of it; then the recording stays in memory.
        if !isWritten { rename(path, path + ".kept") }
    }

    /// Writes a recording into a data folder under a name that tells the time, and says so; false if it could not.
    @discardableResult
    static func write(_ bytes: [UInt8], into folder: String, logger: Logger, _ words: Logger.Message) -> Bool {
        let files = FileManager.default
        let milliseconds = SystemClock.wall().nanoseconds / 1_000_000
        let time = Timestamp(nanoseconds: milliseconds * 1_000_000).rfc3339.filter { $0 != "-" && $0 != ":" }
        let path = "\(folder)/flight-\(time).ring"
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
            try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            logger.notice(words, metadata: ["path": "\(path)"])
            let names = try files.contentsOfDirectory(atPath: folder).filter {
                $0.hasPrefix("flight-") && $0.hasSuffix(".ring")
            }
            for name in names.sorted().dropLast(copiesMax) { try files.removeItem(atPath: "\(folder)/\(name)") }
            return true
        } catch {
            logger.error("the flight recording was not written", metadata: ["path": "\(path)", "error": "\(error)"])
            return false
        }
    }
}
