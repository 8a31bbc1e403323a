// Pemba: reading data-driven test files.
// SPDX-License-Identifier: Apache-2.0

/// One case of a data-driven file: a command with arguments, its input, and what it prints.
struct DataDrivenCase {
    var line: Int
    var command: String
    var arguments: [(key: String, values: [String])]
    var input: [String]
    var expected: String

    subscript(key: String) -> [String]? { arguments.first { $0.key == key }?.values }

    /// The cases of a file: a command line, which a backslash at its end continues, input lines up to `----`, and output
    /// up to an empty line.
    ///
    /// Doubled separators, for output with empty lines, occur in none of the files and are refused.
    static func parse(_ text: String) -> [DataDrivenCase] {
        var cases: [DataDrivenCase] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var position = 0
        while position < lines.count {
            var line = lines[position]
            position += 1
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let start = position
            while line.hasSuffix("\\"), position < lines.count {
                line = line.dropLast() + lines[position]
                position += 1
            }
            var input: [String] = []
            while position < lines.count, lines[position] != "----" {
                input.append(lines[position])
                position += 1
            }
            position += 1
            precondition(position >= lines.count || lines[position] != "----", "doubled separators are not read")
            var expected: [String] = []
            while position < lines.count, !lines[position].isEmpty {
                expected.append(lines[position])
                position += 1
            }
            let (command, arguments) = words(of: line)
            cases.append(
                DataDrivenCase(
                    line: start,
                    command: command,
                    arguments: arguments,
                    input: input,
                    expected: expected.joined(separator: "\n")
                )
            )
        }
        return cases
    }

    /// Splits `command key=value key=(value, value)`.
    private static func words(of line: String) -> (String, [(key: String, values: [String])]) {
        var parts: [String] = [""]
        var depth = 0
        for character in line {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == " ", depth == 0 {
                parts.append("")
            } else if character != " " {
                parts[parts.count - 1].append(character)
            }
        }
        let arguments = parts.dropFirst().filter { !$0.isEmpty }.map { part in
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            let text = (sides.count > 1 ? sides[1] : "").filter { $0 != "(" && $0 != ")" }
            return (key: sides[0], values: text.split(separator: ",").map(String.init))
        }
        return (parts[0], arguments)
    }
}
