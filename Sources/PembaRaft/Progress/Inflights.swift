// Pemba: what is under way to one follower.
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import PembaCore

/// The append messages with entries that a follower has not acknowledged, oldest first.
struct Inflights: Sendable {
    private struct Message: Sendable {
        /// The last entry in it.
        var last: LogIndex
        var bytes: Int
    }

    /// Ascending by `last`.
    private var messages: Deque<Message> = []
    /// The sum of their bytes.
    private(set) var bytes = 0

    /// How many there are.
    var count: Int { messages.count }

    /// Whether nothing more may be sent before an acknowledgement.
    func isFull(messagesMax: Int, bytesMax: Int) -> Bool { messages.count >= messagesMax || bytes >= bytesMax }

    /// Notes a message.
    mutating func add(last: LogIndex, bytes: Int) {
        messages.append(Message(last: last, bytes: bytes))
        self.bytes += bytes
    }

    /// Forgets the messages whose entries are all acknowledged up to `index`.
    mutating func free(upTo index: LogIndex) {
        while let first = messages.first, first.last <= index {
            bytes -= first.bytes
            messages.removeFirst()
        }
    }

    /// Adds what is in flight to a digest.
    func fold(into hasher: inout StateHasher) {
        for message in messages { hasher.combine([message.last.rawValue, UInt64(message.bytes)]) }
        hasher.combine(UInt64(messages.count))
    }

    /// Forgets all: they are taken for lost.
    mutating func reset() {
        messages.removeAll(keepingCapacity: true)
        bytes = 0
    }
}

// MARK: - Flight recordings

extension Inflights {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.count(messages.count)
        for message in messages { sink.fields(message.last.rawValue, UInt64(message.bytes)) }
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        for _ in 0..<(try reader.count()) {
            let last = try reader.index()
            add(last: last, bytes: try reader.count(limit: .max >> 24))
        }
    }
}
