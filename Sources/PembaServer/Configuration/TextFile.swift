// Pemba: reading a small text file.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Configuration and credentials: small, and of interest with the reason if they cannot be read.
enum TextFile {
    /// Bytes in a file.
    private static let sizeMax = 1 << 20

    /// Reads all of a file.
    static func read(_ path: String, called what: String) throws(ConfigurationError) -> String {
        func refuse(_ reason: String) -> ConfigurationError {
            ConfigurationError(source: path, message: "\(what) cannot be read: \(reason)")
        }
        guard let file = fopen(path, "re") else { throw refuse(String(cString: strerror(errno))) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: sizeMax + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw refuse(String(cString: strerror(errno))) }
        guard count <= sizeMax else { throw refuse("it has more than \(sizeMax) bytes") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else { throw refuse("it is not UTF-8") }
        return text
    }
}
