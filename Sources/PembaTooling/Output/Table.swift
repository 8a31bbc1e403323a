// Pemba: tables for people.
// SPDX-License-Identifier: Apache-2.0

/// Rows of text under headings, in columns as wide as their widest cell.
package struct Table {
    /// On which side of its column a cell stands.
    package enum Alignment {
        case left
        case right
    }

    private let headings: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table with these columns; numbers read best on the right.
    package init(_ columns: [(heading: String, alignment: Alignment)]) {
        headings = columns.map(\.heading)
        alignments = columns.map(\.alignment)
    }

    /// Adds a row; requires a cell for each column.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == headings.count, "a row has a cell for each column")
        rows.append(cells)
    }

    /// The table as lines, each ended by a newline and without spaces at its end.
    package var text: String {
        let lines = [headings] + rows
        let widths = headings.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            var line = cells.indices.map { column -> String in
                let padding = String(repeating: " ", count: widths[column] - cells[column].count)
                return alignments[column] == .left ? cells[column] + padding : padding + cells[column]
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
