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

    /// Writes `text` to `path` with the given mode, replacing the file in one step.
    package static func write(_ text: String, to path: String, mode: UInt32 = 0o644) throws(ToolError) {
        do {
            try SecureFile.write(Array(text.utf8), to: path, mode: mode)
        } catch {
            throw ToolError(error.description)
        }
    }

    private static func readData(_ path: String) throws(ToolError) -> Data {
        if path == "-" {
            return FileHandle.standardInput.readDataToEndOfFile()
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let attributes else { throw ToolError("\(path) does not exist or may not be read") }
        if attributes[.type] as? FileAttributeType == .typeDirectory {
            throw ToolError("\(path) is a folder, not a file")
        }
        if let size = attributes[.size] as? Int, size > bytesMax {
            throw ToolError("\(path) has \(size) bytes; at most \(bytesMax) are read")
        }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw ToolError("\(path) may not be read by this user")
        }
    }
}
