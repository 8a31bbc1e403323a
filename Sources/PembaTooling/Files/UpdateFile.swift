// Pemba: files of updates that are written together.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// Lines of the form `create RELATIONSHIP`, `touch RELATIONSHIP` or `delete RELATIONSHIP`; blank lines and `//` comments
/// are passed over.
package enum UpdateFile {
    private static let operations: [Substring: TupleUpdate.Operation] = [
        "create": .create, "touch": .touch, "delete": .delete,
    ]

    /// Reads every update of `text`; the error names `name`, the line and the rule.
    package static func parse(_ text: String, name: String) throws(ToolError) -> [TupleUpdate] {
        var updates: [TupleUpdate] = []
        for line in MeaningfulLines(text) {
            let parts = line.text.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let operation = operations[parts[0]] else {
                throw ToolError(
                    "\(name):\(line.number): `\(line.text)` is no update; write `create`, `touch` or `delete` and a relationship"
                )
            }
            do {
                let tuple = try RelationTuple(parsing: String(parts[1].drop { $0 == " " }))
                updates.append(TupleUpdate(operation, tuple))
            } catch {
                throw ToolError("\(name):\(line.number): \(error)")
            }
        }
        guard !updates.isEmpty else { throw ToolError("\(name) holds no update") }
        return updates
    }
}
