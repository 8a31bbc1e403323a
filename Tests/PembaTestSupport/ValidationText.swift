// Pemba: the schema and the relationships of validation files.
// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// The parts of a validation file as text: just enough YAML for the files of the conformance data.
public struct ValidationText {
    /// The schema.
    public private(set) var schema = ""
    /// The relationships, one each.
    public private(set) var relationships: [String] = []
    /// The lines about assertions, without the spaces around them.
    public private(set) var assertions: [String] = []

    /// Reads a file.
    public init(contentsOf url: URL) throws {
        var section = ""
        let text = try String(contentsOf: url, encoding: .utf8)
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let first = line.first, first != " ", first != "\t", first != "#", let colon = line.firstIndex(of: ":") {
                section = String(line[..<colon])
                continue
            }
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            switch section {
            case "schema": schema += line + "\n"
            case "relationships":
                if !trimmed.isEmpty, !trimmed.hasPrefix("//") { relationships.append(trimmed) }
            case "assertions": assertions.append(trimmed)
            default: continue
            }
        }
    }
}
