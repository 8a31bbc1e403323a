// Pemba: the loggers of a node.
// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Makes the node's loggers: every part gets its own label, all of them one level, format and sink.
package struct NodeLogs: Sendable {
    /// What audit events are labelled with.
    static let auditLabel = "audit"

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
    package func logger(_ label: String) -> Logger { Logger(label: label) { handler($0, level: level) } }

    /// The audit log, which no level silences.
    package var audit: AuditLog { AuditLog(handler: handler(NodeLogs.auditLabel, level: .trace)) }

    private func handler(_ label: String, level: Logger.Level) -> LineLogHandler {
        LineLogHandler(label: label, format: format, level: level, sink: sink)
    }
}
