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

    /// A part of what an event says: a key and its value.
    typealias Field = (key: String, value: Logger.Metadata.Value)

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
        write(event.level, event.message.description, fields(of: event), mayWait: false)
    }

    /// Writes an event that says `fields`, which are in the order of their keys, and nothing else.
    ///
    /// - Parameter mayWait: whether its line may be written when the `together` ends that is under way.
    func write(_ level: Logger.Level, _ message: String, _ fields: [Field], mayWait: Bool) {
        var line = LogLine()
        let time = SystemClock.wall()
        switch format {
        case .text: text(time, level, message, fields, into: &line)
        case .json: json(time, level, message, fields, into: &line)
        }
        line.end()
        sink.write(line.bytes, mayWait: mayWait)
    }

    /// Writes the events within `body` that may wait by one call at its end.
    func together<Result>(_ body: () -> Result) -> Result { sink.together(body) }

    /// The metadata of an event and of the handler, where the event says nothing else.
    ///
    /// Sorted, because the order of a dictionary changes from run to run.
    private func fields(of event: LogEvent) -> [Field] {
        let own = event.metadata ?? [:]
        var fields: [Field] = own.map { ($0.key, $0.value) }
        for (key, value) in metadata where own[key] == nil { fields.append((key, value)) }
        if let error = event.error {
            fields.removeAll { $0.key == "error" }
            fields.append(("error", "\(error)"))
        }
        fields.sort { $0.key < $1.key }
        return fields
    }

    private func text(
        _ time: Timestamp,
        _ level: Logger.Level,
        _ message: String,
        _ fields: [Field],
        into line: inout LogLine
    ) {
        let level = level.rawValue.uppercased()
        line.append(time)
        line.append(" ")
        line.append(verbatim: level)
        for _ in level.utf8.count..<9 { line.append(" ") }
        line.append("[")
        line.append(verbatim: label)
        line.append("] ")
        line.append(escaped: message)
        for (key, value) in fields {
            let text = LineLogHandler.plain(value)
            line.append(" ")
            line.append(verbatim: key)
            line.append("=")
            if text.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }), !text.isEmpty
            {
                line.append(escaped: text)
            } else {
                line.append(quoted: text)
            }
        }
    }

    private func json(
        _ time: Timestamp,
        _ level: Logger.Level,
        _ message: String,
        _ fields: [Field],
        into line: inout LogLine
    ) {
        line.append("{\"time\":\"")
        line.append(time)
        line.append("\",\"level\":\"")
        line.append(verbatim: level.rawValue)
        line.append("\",\"label\":")
        line.append(quoted: label)
        line.append(",\"message\":")
        line.append(quoted: message)
        for (key, value) in fields {
            line.append(",")
            line.append(quoted: key)
            line.append(":")
            LineLogHandler.append(value, to: &line)
        }
        line.append("}")
    }
}

// MARK: - Values

extension LineLogHandler {
    private static func plain(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[" + values.map(plain).joined(separator: ",") + "]"
        case .dictionary(let fields):
            "{" + fields.sorted { $0.key < $1.key }.map { "\($0.key):\(plain($0.value))" }.joined(separator: ",") + "}"
        }
    }

    private static func append(_ value: Logger.Metadata.Value, to line: inout LogLine) {
        switch value {
        case .string(let text): line.append(quoted: text)
        case .stringConvertible(let value):
            // Numbers and booleans stay what they are, so that they can be compared without reading them again.
            if value is any BinaryInteger || value is Bool {
                line.append(verbatim: value.description)
            } else {
                line.append(quoted: value.description)
            }
        case .array(let values):
            line.append("[")
            for (position, value) in values.enumerated() {
                if position > 0 { line.append(",") }
                append(value, to: &line)
            }
            line.append("]")
        case .dictionary(let fields):
            line.append("{")
            for (position, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if position > 0 { line.append(",") }
                line.append(quoted: field.key)
                line.append(":")
                append(field.value, to: &line)
            }
            line.append("}")
        }
    }
}
