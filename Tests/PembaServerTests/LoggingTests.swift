// Pemba: tests of log lines and audit events.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import PembaCore
import Testing

@testable import PembaServer

struct LoggingTests {
    /// What `body` logs, line by line.
    private func lines(_ format: String, level: String = "info", _ body: (NodeLogs) -> Void) throws -> [String] {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        body(NodeLogs(NodeConfiguration.Log(level: level, format: format), sink: sink))
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    private func object(_ line: String) throws -> [String: any Sendable] {
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: any Sendable]
        return try #require(value)
    }

    @Test func jsonLinesHaveDottedKeysAndNumbers() throws {
        let lines = try lines("json") { logs in
            var logger = logs.logger("node")
            logger[metadataKey: "node.id"] = .stringConvertible(UInt64(3))
            logger.notice("became leader", metadata: ["raft.term": .stringConvertible(7), "raft.role": "leader"])
        }
        let fields = try object(try #require(lines.first))
        #expect(fields["message"] as? String == "became leader")
        #expect(fields["level"] as? String == "notice")
        #expect(fields["label"] as? String == "node")
        #expect(fields["raft.term"] as? Int == 7)
        #expect(fields["node.id"] as? Int == 3)
        let time = try #require(fields["time"] as? String)
        #expect(time.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
    }

    /// Ids come from clients: none may end a line, start another, or break its syntax.
    @Test(arguments: ["text", "json"])
    func hostileValuesStayInTheirLine(format: String) throws {
        let hostile = "a\n2026-01-01 ERROR forged\r\u{1B}[31m\"}\u{2028}\u{0}"
        let lines = try lines(format) { $0.logger("node").info("seen", metadata: ["object.id": "\(hostile)"]) }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x2028 })
        if format == "json" { #expect(try object(line)["object.id"] as? String == hostile) }
    }

    /// Fields of a line have a fixed width, whatever the time.
    @Test func timesHaveMilliseconds() {
        func text(_ nanoseconds: Int64) -> String {
            var line = LogLine()
            line.append(Timestamp(nanoseconds: nanoseconds))
            return String(decoding: line.bytes, as: UTF8.self)
        }
        #expect(text(0) == "1970-01-01T00:00:00.000Z")
        #expect(text(1_796_000_709_050_999_999) == "2026-11-30T01:05:09.050Z")
        #expect(text(-1) == "1969-12-31T23:59:59.999Z")
    }

    /// As JSON writes them, with as many digits; what comes before and after each is none.
    @Test func whatCannotBeSeenIsWrittenInDigits() throws {
        let id = "\u{0}\u{1B}\u{1F}!\u{7E}\u{7F}\u{80}\u{9F}\u{A0}\u{2027}\u{2028}\u{2029}\u{202A}\\"
        let lines = try lines("text") { $0.logger("node").info("seen", metadata: ["id": "\(id)"]) }
        let escaped = [
            #"\u0000\u001b\u001f!~\u007f\u0080\u009f"#, "\u{A0}\u{2027}", #"\u2028\u2029"#, "\u{202A}", #"\\"#,
        ]
        let expected = "seen id=\"\(escaped.joined())\""
        #expect(lines.first?.hasSuffix(expected) == true, "\(lines)")
    }

    /// What an id may hold beside ASCII is written as it is.
    @Test(arguments: ["text", "json"])
    func lettersOfAllScriptsAreKept(format: String) throws {
        let lines = try lines(format) { $0.logger("node").info("gelöscht", metadata: ["object.id": "grüße-日本🙂"]) }
        #expect(lines.first?.contains("gelöscht") == true && lines.first?.contains("grüße-日本🙂") == true, "\(lines)")
        if format == "json" { #expect(try object(lines[0])["object.id"] as? String == "grüße-日本🙂") }
    }

    /// What an event says counts, not what its logger says of all events.
    @Test func eventsOverrideTheirLogger() throws {
        let lines = try lines("text") { logs in
            var logger = logs.logger("node")
            logger[metadataKey: "a"] = "logger"
            logger[metadataKey: "b"] = "logger"
            logger.info("seen", metadata: ["b": "event"])
        }
        #expect(lines.first?.hasSuffix("seen a=logger b=event") == true, "\(lines)")
    }

    @Test func textLinesQuoteOnlyWhatNeedsIt() throws {
        let lines = try lines("text") { logs in
            logs.logger("raft").warning("late", metadata: ["b": "two words", "a": "x", "c": ["1", "2"]])
        }
        #expect(lines.first?.hasSuffix("WARNING  [raft] late a=x b=\"two words\" c=[1,2]") == true, "\(lines)")
    }

    /// One call for all events of a step, unless something is said that cannot wait; the order of lines stays.
    @Test func eventsOfAStepAreWrittenTogether() throws {
        let pipe = Pipe()
        let logs = NodeLogs(
            NodeConfiguration.Log(level: "info", format: "text"),
            sink: LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        )
        func holdsLines() -> Bool {
            var input = pollfd(fd: pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            return poll(&input, 1, 0) == 1
        }
        let result = logs.audit.together {
            logs.audit.wrote(.write, caller: "a", address: "x", tuples: 1, revision: Revision(1))
            let isHeld = !holdsLines()
            logs.logger("node").critical("between")
            let isWritten = holdsLines()
            logs.audit.wrote(.delete, caller: "b", address: "x", tuples: 2, revision: Revision(2))
            return isHeld && isWritten
        }
        #expect(result)
        logs.logger("node").info("after")
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let ends = text.split(separator: "\n").map { String($0.drop { $0 != "[" }) }
        #expect(
            ends == [
                "[audit] tuples written audit.address=x audit.caller=a audit.event=write audit.revision=1 audit.updates=1 kind=audit",
                "[node] between",
                "[audit] tuples written audit.address=x audit.caller=b audit.event=delete audit.revision=2 audit.updates=2 kind=audit",
                "[node] after",
            ]
        )
    }

    @Test func theLevelSilencesLogsButNotTheAudit() throws {
        let lines = try lines("json", level: "error") { logs in
            logs.logger("node").warning("not logged")
            logs.audit.wrote(.write, caller: "ci", address: "127.0.0.1:9", tuples: 2, revision: Revision(12))
            logs.audit.refused(caller: "?", address: "127.0.0.1:9", reason: "no credential")
        }
        #expect(lines.count == 2)
        let fields = try object(lines[0])
        #expect(fields["label"] as? String == "audit" && fields["kind"] as? String == "audit")
        #expect(fields["audit.event"] as? String == "write" && fields["audit.revision"] as? Int == 12)
        #expect(try object(lines[1])["audit.event"] as? String == "refused")
    }
}
