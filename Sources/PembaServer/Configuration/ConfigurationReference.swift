// Pemba: the reference of the node's configuration, generated.
// SPDX-License-Identifier: Apache-2.0

/// The reference that `pembad --print-configuration` prints and `docs/operations/configuration.md` holds.
package enum ConfigurationReference {
    /// Every key as a line of YAML under its explanation; keys with a default are set to it, the others commented out.
    package static func yaml() -> String {
        var lines: [String] = []
        var section = ""
        for key in ConfigurationTable.keys {
            let parts = key.name.split(separator: ".", maxSplits: 1).map(String.init)
            let isNested = parts.count == 2
            if isNested, parts[0] != section {
                lines.append("\(parts[0]):")
                section = parts[0]
            } else if !isNested {
                section = ""
            }
            let indent = isNested ? "  " : ""
            lines += wrap(key.documentation, width: 100).map { "\(indent)# \($0)" }
            lines.append("\(indent)# Must be \(key.rule). Variable: \(key.environmentVariable).")
            let word = isNested ? parts[1] : key.name
            switch key.defaultValue {
            case .text(let text): lines.append("\(indent)\(word): \(quoted(text))")
            case .required: lines.append("\(indent)# \(word):    (required, no default)")
            case .none: lines.append("\(indent)# \(word):    (no default)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The same as a Markdown table.
    package static func markdown() -> String {
        var text = """
            | Key | Value | Default | Takes effect | Meaning |
            |---|---|---|---|---|

            """
        for key in ConfigurationTable.keys {
            let value =
                switch key.defaultValue {
                case .required: "required"
                case .none: "none"
                case .text(let text): "`\(text)`"
                }
            let cells = ["`\(key.name)`", key.rule, value, key.reload.rawValue, key.documentation]
            text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        return text
    }

    /// Addresses hold a colon, which YAML would read as a mapping where a space follows; quotes are never wrong.
    private static func quoted(_ text: String) -> String { text.contains(":") ? "\"\(text)\"" : text }

    private static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + word.count >= width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        return lines + (line.isEmpty ? [] : [line])
    }
}
