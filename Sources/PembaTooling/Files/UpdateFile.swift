// Pemba: files of updates that are written together.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// Lines of the form `create RELATIONSHIP`, `touch RELATIONSHIP` or `delete RELATIONSHIP`; blank lines and `//` comments
/// are passed over.
package struct UpdateFile {
    /// The updates, in the file's order.
    package let updates: [TupleUpdate]
    private let name: String
    /// The line of each update.
    private let lines: [Int]

    private static let operations: [Substring: TupleUpdate.Operation] = [
        "create": .create, "touch": .touch, "delete": .delete,
    ]

    /// Reads every update of `text`; the error names `name`, the line and the rule.
    package init(_ text: String, name: String) throws(ToolError) {
        var updates: [TupleUpdate] = []
        var lines: [Int] = []
        for line in MeaningfulLines(text) {
            let parts = line.text.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let operation = UpdateFile.operations[parts[0]] else {
                throw ToolError(
                    "\(name):\(line.number): `\(line.text.abbreviated())` is no update; write `create`, `touch` or `delete` and a "
                        + "relationship"
                )
            }
            do {
                let tuple = try RelationTuple(parsing: String(parts[1].drop { $0 == " " }))
                updates.append(TupleUpdate(operation, tuple))
                lines.append(line.number)
            } catch {
                throw ToolError("\(name):\(line.number): \(error)")
            }
        }
        guard !updates.isEmpty else { throw ToolError("\(name) holds no update") }
        self.updates = updates
        self.lines = lines
        self.name = name
    }

    /// Where the update stands about which a service error is; nil if it is about the whole or something else.
    package func place(of error: ServiceError) -> String? {
        error.position.flatMap { lines.indices.contains($0) ? "\(name):\(lines[$0])" : nil }
    }
}
