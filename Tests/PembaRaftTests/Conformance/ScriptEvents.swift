// Pemba: what a command of an interaction script does, in a form that two implementations can share.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What nodes wrote, applied and sent during one command.
///
/// The order of different nodes and of different links says nothing, and neither does a message that repeats the one
/// before it on its link.
struct ScriptEvents: Equatable {
    /// By node, the entries that it wrote.
    private(set) var entries: [String: [String]] = [:]
    /// By node, the entries that it applied.
    private(set) var committed: [String: [String]] = [:]
    /// By node, its last term, vote and commit index.
    private(set) var hardStates: [String: String] = [:]
    /// By link, as `1->2`.
    private(set) var messages: [String: [String]] = [:]

    mutating func write(_ entry: String, at node: String) { entries[node, default: []].append(entry) }

    mutating func apply(_ entry: String, at node: String) { committed[node, default: []].append(entry) }

    mutating func reach(_ hardState: String, at node: String) { hardStates[node] = hardState }

    /// Notes a message such as `1->2 MsgHeartbeat Term:1 Log:0/0`; those to a node's own storage or to itself are left out.
    mutating func send(_ message: String) {
        let words = message.split(separator: " ", maxSplits: 1).map(String.init)
        let ends = words[0].components(separatedBy: "->")
        guard words.count == 2, ends.count == 2, ends[0] != ends[1], ends.allSatisfy({ UInt64($0) != nil }) else {
            return
        }
        guard messages[words[0]]?.last != words[1] else { return }
        messages[words[0], default: []].append(words[1])
    }
}

/// Reads what a script expects.
struct ScriptExpectation {
    private enum Section {
        case other
        case entries
        case committed
        case messages
    }

    private(set) var events = ScriptEvents()
    /// The lines that are none of a program's log.
    let lines: [String]

    /// `node` is the one that the command is about, where the output does not name it.
    init(_ text: String, node: String) {
        let prose = ["DEBUG ", "INFO ", "WARN ", "ERROR "]
        lines = text.split(separator: "\n").map(String.init).filter { line in
            let words = line.drop { $0 == " " }
            return !prose.contains { words.hasPrefix($0) }
        }
        var node = node
        var section = Section.other
        var rest = ScriptExpectation.joined(lines)[...]
        while let line = rest.popFirst() {
            if line.hasPrefix("> ") {
                node = String(line.dropFirst(2).prefix { $0 != " " })
                // Received messages were noted when they were sent.
                section = .other
            } else if line.hasPrefix("HardState ") {
                events.reach(String(line.dropFirst(10)), at: node)
            } else if line == "Entries:" {
                section = .entries
            } else if line == "CommittedEntries:" {
                section = .committed
            } else if line == "Messages:" || line == "Responses:" {
                section = .messages
            } else if line.hasPrefix("Ready ") || line.hasPrefix("Lead:") || line.hasPrefix("Snapshot ")
                || line == "Processing:"
            {
                section = .other
            } else {
                switch section {
                case .entries: events.write(line, at: node)
                case .committed: events.apply(line, at: node)
                case .messages: events.send(line)
                case .other: break
                }
            }
        }
    }

    /// The messages that a delivery names, dropped ones included.
    static func deliveries(_ text: String) -> ScriptEvents {
        var events = ScriptEvents()
        for line in joined(ScriptExpectation(text, node: "").lines) {
            events.send(line.hasPrefix("dropped: ") ? String(line.dropFirst(9)) : line)
        }
        return events
    }

    /// One line for each message: entries and a snapshot's place behind it, without what its sender's storage is told to
    /// answer later.
    private static func joined(_ lines: [String]) -> [String] {
        var result: [String] = []
        var isInEntries = false
        var isInResponses = false
        for line in lines.map({ String($0.drop { $0 == " " }) }) {
            if isInResponses {
                isInResponses = line != "]"
            } else if isInEntries {
                isInEntries = !line.hasPrefix("]")
                let last = result.count - 1
                result[last] += isInEntries && !result[last].hasSuffix("[") ? ", " + line : line
                if line.hasSuffix("Responses:[") { isInResponses = true }
            } else if line.hasPrefix("Snapshot: Index:"), !result.isEmpty {
                let index = line.dropFirst(10).prefix { $0 != " " }
                result[result.count - 1] += " " + index
            } else {
                result.append(line)
                isInEntries = line.hasSuffix("Entries:[")
                isInResponses = line.hasSuffix("Responses:[")
            }
        }
        return result
    }
}
