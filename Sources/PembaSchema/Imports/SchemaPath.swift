// Pemba: where imports may lead.
// SPDX-License-Identifier: Apache-2.0

/// Paths of schema files, relative to the folder of the first one.
enum SchemaPath {
    /// The path of a file that another one imports: `path` from the folder of `file`, without `.` and `..`.
    ///
    /// Nil for a path that is absolute or leads out of the folder of the file that has it: a schema can be moved with
    /// all that belongs to it, and reads nothing else.
    static func resolve(_ path: String, from file: String) -> String? {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.first != UInt8(ascii: "/") else { return nil }
        var parts: [Substring.UTF8View] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual("..".utf8) {
                guard parts.popLast() != nil else { return nil }
            } else if !part.elementsEqual(".".utf8) {
                parts.append(part)
            }
        }
        guard !parts.isEmpty else { return nil }
        let folder = file.utf8.split(separator: UInt8(ascii: "/")).dropLast()
        return (folder + parts).map { String(Substring($0)) }.joined(separator: "/")
    }
}
