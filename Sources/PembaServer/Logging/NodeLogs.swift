// Pemba: the loggers of a node.
// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Makes the node's loggers: every part gets its own label, all of them one level, format and sink.
package struct NodeLogs: Sendable {
    private let format: LineLogHandler.Format
    private let level: Logger.Level
    private let sink: LogSink

    package init(_ configuration: NodeConfiguration.Log, sink: LogSink) {
        guard let format = LineLogHandler.Format(rawValue: configuration.format),
            let level = Logger.Level(rawValue: configuration.level)
        else { preconditionFailure("the configuration table admits a log format or level that is not one") }
        self.format = format
        self.level = level
        self.sink = sink
    }

    /// The logger of the part called `label`.
    package func logger(_ label: String) -> Logger { logger(label, level: level) }

    /// The audit log, which no level silences.
    package var audit: AuditLog { AuditLog(logger: logger("audit", level: .trace)) }

    private func logger(_ label: String, level: Logger.Level) -> Logger {
        Logger(label: label) { LineLogHandler(label: $0, format: format, level: level, sink: sink) }
    }
}
