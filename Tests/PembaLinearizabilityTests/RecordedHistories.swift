// Pemba: reading the histories that others recorded.
// SPDX-License-Identifier: Apache-2.0

import PembaLinearizability

/// A line of a recorded history: a process asks or is answered.
private struct RecordedLine {
    var process: Substring
    var kind: Substring
    var function: Substring
    var value: Substring
}

/// What cannot be read in a recorded history.
struct UnreadableLine: Error {
    var line: Substring
}

/// The model of a key with a text that is set, lengthened and read.
struct TextModel: SequentialModel {
    enum Operation {
        case get(String)
        case put(String)
        case append(String)
    }

    var initial: String { "" }

    func state(after operation: Operation, in state: String) -> String? {
        switch operation {
        case .get(let text): text == state ? state : nil
        case .put(let text): text
        case .append(let text): state + text
        }
    }
}

/// Histories with the number of their line as the time.
enum RecordedHistories {
    /// A register of etcd's, by lines such as `INFO  jepsen.util - 4 :ok :cas [3 0]`.
    static func register(_ text: String) throws -> [TimedOperation<RegisterModel<Int?>.Operation>] {
        try operations(text) { line in
            let words = line.split(maxSplits: 6) { $0 == " " || $0 == "\t" }
            guard words.count == 7, words[0] == "INFO" else { return nil }
            return RecordedLine(
                process: words[3],
                kind: words[4],
                function: words[5],
                value: words[6].drop { $0 == " " }
            )
        } operation: { asked, answered in
            switch (asked.function, answered?.kind) {
            case (":read", ":ok"?): return answered.map { .read(Int($0.value)) }
            case (":write", _): return .write(Int(asked.value))
            case (":cas", let kind):
                let values = asked.value.dropFirst().dropLast().split(separator: " ").map { Int($0) }
                guard values.count == 2 else { throw UnreadableLine(line: asked.value) }
                let succeeded = kind == ":ok" ? true : kind == ":fail" ? false : nil
                return .compareAndSet(from: values[0], to: values[1], succeeded: succeeded)
            default: return nil
            }
        }.map(\.operation)
    }

    /// Texts by key, by lines such as `{:process 0, :type :ok, :f :get, :key "7", :value "x"}`.
    static func texts(_ text: String) throws -> [String: [TimedOperation<TextModel.Operation>]] {
        var keys: [String: [TimedOperation<TextModel.Operation>]] = [:]
        let operations: [(asked: RecordedLine, operation: TimedOperation<TextModel.Operation>)] =
            try operations(text) { line in
                let words = line.split(separator: " ", maxSplits: 9)
                guard words.count == 10, words[0] == "{:process" else { return nil }
                // The function and the key, which together say what the operation is about.
                let subject = line[words[5].startIndex..<words[7].endIndex]
                return RecordedLine(
                    process: words[1].dropLast(),
                    kind: words[3].dropLast(),
                    function: subject,
                    value: words[9].dropLast()
                )
            } operation: { asked, answered in
                let value = (answered ?? asked).value
                let text = String(value.dropFirst().dropLast())
                if asked.function.hasPrefix(":put") { return .put(text) }
                if asked.function.hasPrefix(":append") { return .append(text) }
                return answered == nil ? nil : .get(text)
            }
        for (asked, operation) in operations {
            keys[String(asked.function.split(separator: "\"")[1]), default: []].append(operation)
        }
        return keys
    }

    /// Joins each question with its answer; what `operation` makes nothing of says nothing about the object.
    private static func operations<Operation>(
        _ text: String,
        line parse: (Substring) -> RecordedLine?,
        operation: (RecordedLine, RecordedLine?) throws -> Operation?
    ) throws -> [(asked: RecordedLine, operation: TimedOperation<Operation>)] {
        var open: [Substring: (line: RecordedLine, time: UInt64)] = [:]
        var result: [(asked: RecordedLine, operation: TimedOperation<Operation>)] = []
        func close(_ asked: RecordedLine, _ began: UInt64, _ answered: RecordedLine?, _ ended: UInt64?) throws {
            guard let done = try operation(asked, answered) else { return }
            result.append((asked, TimedOperation(done, began: began, ended: ended)))
        }
        var time: UInt64 = 0
        for text in text.split(separator: "\n") {
            // The files name what disturbed the run, too.
            guard let line = parse(text), line.kind != "", Int(line.process) != nil else { continue }
            time += 1
            if line.kind == ":invoke" {
                guard open.updateValue((line, time), forKey: line.process) == nil else {
                    throw UnreadableLine(line: text)
                }
            } else {
                guard let asked = open.removeValue(forKey: line.process) else { throw UnreadableLine(line: text) }
                try close(asked.line, asked.time, line.kind == ":info" ? nil : line, line.kind == ":info" ? nil : time)
            }
        }
        for (_, asked) in open.sorted(by: { $0.value.time < $1.value.time }) {
            try close(asked.line, asked.time, nil, nil)
        }
        return result
    }
}
