// Pemba: trees for people.
// SPDX-License-Identifier: Apache-2.0

/// A line of a tree and what hangs from it.
package struct TreeText: Equatable {
    /// What the line says.
    package var line: String
    /// What hangs from it, in order.
    package var children: [TreeText]

    package init(_ line: String, _ children: [TreeText] = []) {
        self.line = line
        self.children = children
    }

    /// The tree as lines, each ended by a newline; children are indented below their parent and joined to it.
    package var text: String {
        var lines = line + "\n"
        append(to: &lines, indentation: "")
        return lines
    }

    private func append(to lines: inout String, indentation: String) {
        for (place, child) in children.enumerated() {
            let isLast = place == children.count - 1
            lines += indentation + (isLast ? "└─ " : "├─ ") + child.line + "\n"
            child.append(to: &lines, indentation: indentation + (isLast ? "   " : "│  "))
        }
    }
}
