// Pemba: log lines for people and for machines.
// SPDX-License-Identifier: Apache-2.0

package import Logging
import PembaCore

/// Writes each event as one line: text, or one JSON object with the metadata's dotted keys beside `time`, `level`,
/// `label` and `message`.
///
/// Values come from clients too, so nothing in them can break a line or start another.
package struct LineLogHandler: LogHandler {
    /// How lines look.
    package enum Format: String, Sendable {
        case text
        case json
    }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: Format
    private let sink: LogSink

    package init(label: String, format: Format, level: Logger.Level, sink: LogSink) {
        self.label = label
        self.format = format
        self.logLevel = level
        self.sink = sink
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata
        for (key, value) in event.metadata ?? [:] { fields[key] = value }
        if let error = event.error { fields["error"] = "\(error)" }
        // Sorted, because the order of a dictionary changes from run to run.
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let time = SystemClock.text(of: SystemClock.wall())
        let line =
            switch format {
            case .text: text(time: time, event: event, fields: sorted)
            case .json: json(time: time, event: event, fields: sorted)
            }
        sink.write(line)
    }

    private func text(time: String, event: LogEvent, fields: [(String, Logger.Metadata.Value)]) -> String {
        let level = event.level.rawValue.uppercased()
        var line = "\(time) \(level)\(String(repeating: " ", count: max(0, 8 - level.count))) [\(label)] "
        LineLogHandler.appendEscaped("\(event.message)", to: &line)
        for (key, value) in fields {
            let text = LineLogHandler.plain(value)
            let needsQuotes =
                text.isEmpty || text.unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" || $0 == "=" }
            line += " \(key)="
            if needsQuotes { line += "\"" }
            LineLogHandler.appendEscaped(text, to: &line)
            if needsQuotes { line += "\"" }
        }
        return line + "\n"
    }

    private func json(time: String, event: LogEvent, fields: [(String, Logger.Metadata.Value)]) -> String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(event.level.rawValue)\",\"label\":"
        LineLogHandler.appendQuoted(label, to: &line)
        line += ",\"message\":"
        LineLogHandler.appendQuoted("\(event.message)", to: &line)
        for (key, value) in fields {
            line += ","
            LineLogHandler.appendQuoted(key, to: &line)
            line += ":"
            LineLogHandler.append(value, to: &line)
        }
        return line + "}\n"
    }
}

// MARK: - Values

extension LineLogHandler {
    private static func plain(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): "\(value)"
        case .array(let values): "[" + values.map(plain).joined(separator: ",") + "]"
        case .dictionary(let fields):
            "{" + fields.sorted { $0.key < $1.key }.map { "\($0.key):\(plain($0.value))" }.joined(separator: ",") + "}"
        }
    }

    private static func append(_ value: Logger.Metadata.Value, to line: inout String) {
        switch value {
        case .string(let text): appendQuoted(text, to: &line)
        case .stringConvertible(let value):
            // Numbers and booleans stay what they are, so that they can be compared without reading them again.
            if value is any BinaryInteger || value is Bool {
                line += "\(value)"
            } else {
                appendQuoted("\(value)", to: &line)
            }
        case .array(let values):
            line += "["
            for (position, value) in values.enumerated() {
                if position > 0 { line += "," }
                append(value, to: &line)
            }
            line += "]"
        case .dictionary(let fields):
            line += "{"
            for (position, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if position > 0 { line += "," }
                appendQuoted(field.key, to: &line)
                line += ":"
                append(field.value, to: &line)
            }
            line += "}"
        }
    }

    private static func appendQuoted(_ text: String, to line: inout String) {
        line += "\""
        appendEscaped(text, to: &line)
        line += "\""
    }

    /// JSON's escapes, which text lines use too; U+2028 and U+2029 end lines for some readers.
    private static func appendEscaped(_ text: String, to line: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": line += "\\\""
            case "\\": line += "\\\\"
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || [0x2028, 0x2029].contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                line += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: line.unicodeScalars.append(scalar)
            }
        }
    }
}
