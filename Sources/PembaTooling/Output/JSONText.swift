// Pemba: JSON for programs.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// JSON with sorted keys, so that equal answers are equal text.
package enum JSONText {
    /// An indented document, ended by a newline.
    package static func encode(_ value: some Encodable) throws -> String {
        try text(value, [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    }

    /// One line, ended by a newline: a record of a stream.
    package static func line(_ value: some Encodable) throws -> String {
        try text(value, [.sortedKeys, .withoutEscapingSlashes])
    }

    private static func text(_ value: some Encodable, _ format: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = format
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
