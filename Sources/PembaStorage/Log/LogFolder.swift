// Pemba: names in the log folder.
// SPDX-License-Identifier: Apache-2.0

/// Names of the files of the log.
enum LogFolder {
    /// The file that becomes the next segment.
    static let spareName = "spare"
    private static let prefix = "segment-"
    /// What the names of files and folders begin with that were set aside because they are damaged.
    static let faultyPrefix = "damaged-"

    /// The name of segment `id`: its number in 16 hexadecimal digits.
    static func segmentName(_ id: UInt64) -> String { prefix + hexadecimal(id) }

    /// The name under which segment `id` is set aside.
    static func faultyName(_ id: UInt64) -> String { faultyPrefix + hexadecimal(id) }

    /// The segment number in a name; nil if it is not the name of a segment.
    static func segmentID(_ name: String) -> UInt64? {
        guard name.hasPrefix(prefix), let id = UInt64(name.dropFirst(prefix.count), radix: 16) else { return nil }
        return segmentName(id).utf8.elementsEqual(name.utf8) ? id : nil
    }

    /// 16 lower-case hexadecimal digits.
    static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
