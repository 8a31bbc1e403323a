// Pemba: reading files that people name on the command line.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaPKI

/// Reading whole text files with errors that name the file and the reason.
package enum TextFile {
    /// The most bytes that a tool reads into memory as one text.
    package static let bytesMax = 1 << 30

    /// The content of the file at `path`; `-` is standard input.
    package static func read(_ path: String) throws(ToolError) -> String {
        let data = try readData(path)
        guard let text = String(data: data, encoding: .utf8) else {
            throw ToolError("\(path) is not UTF-8 text")
        }
        return text
    }

    /// The bytes of the file at `path`, whatever they are; `-` is standard input.
    package static func readBytes(_ path: String) throws(ToolError) -> [UInt8] { Array(try readData(path)) }

    /// Whether there is a file at `path`.
    package static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Removes the file at `path`, if there is one.
    package static func remove(_ path: String) throws(ToolError) {
        guard exists(path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw ToolError("\(path) could not be removed: \(error.localizedDescription)")
        }
    }

    /// Writes `text` to `path` with the given mode, replacing the file in one step.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o644) throws(ToolError) {
        do {
            try SecureFile.write(Array(text.utf8), to: path, mode: mode)
        } catch {
            throw ToolError(error.description)
        }
    }

    private static func readData(_ path: String) throws(ToolError) -> Data {
        var isFolder: ObjCBool = false
        guard path == "-" || FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ToolError("\(path) does not exist or may not be read")
        }
        if isFolder.boolValue { throw ToolError("\(path) is a folder, not a file") }
        let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let file else { throw ToolError("\(path) may not be read by this user") }
        do {
            // Pipes and devices have no size beforehand; whatever comes is bounded.
            let data = try file.read(upToCount: bytesMax + 1) ?? Data()
            guard data.count <= bytesMax else {
                throw ToolError("\(path) has more than \(bytesMax) bytes, the most that are read")
            }
            return data
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError("\(path) could not be read: \(error.localizedDescription)")
        }
    }
}
