// Pemba: linearizable reads at a follower.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Reads for which the leader is asked; one question is out at a time, later reads share the next.
struct ForwardedReads: Sendable {
    /// The question that is out.
    struct Question: Sendable {
        var request: UInt64
        var tickets: [UInt64]
        /// When it is taken for lost.
        var deadline: Instant
    }

    /// Reads that may wait; more are refused.
    static let waitingMax = 65_536

    var question: Question?
    /// The tickets for the next question.
    var waiting: [UInt64] = []
    /// The latest question's number.
    ///
    /// Starts at random, so that an answer to a question from before a restart is not taken for a new one's.
    var request: UInt64
    /// The leadership under which the reads were taken on.
    var leadership: RaftLeadership?

    init(firstRequest: UInt64) { request = firstRequest }

    /// Whether no read waits.
    var isEmpty: Bool { question == nil && waiting.isEmpty }

    /// Takes out every ticket.
    mutating func drain() -> [UInt64] {
        let tickets = (question?.tickets ?? []) + waiting
        question = nil
        waiting.removeAll()
        return tickets
    }
}

// MARK: - Flight recordings

extension ForwardedReads {
    func record<Sink: FlightSink>(into sink: inout Sink) {
        sink.flag(question != nil)
        if let question {
            sink.fields(question.request, question.deadline.nanoseconds)
            sink.numbers(question.tickets)
        }
        sink.numbers(waiting)
        sink.number(request)
        sink.flag(leadership != nil)
        leadership?.record(into: &sink)
    }

    init(decoding reader: inout FlightReader) throws(ByteError) {
        if try reader.flag("question") {
            let (request, deadline) = (try reader.number(), try reader.instant())
            question = Question(request: request, tickets: try reader.numbers(), deadline: deadline)
        }
        waiting = try reader.numbers()
        request = try reader.number()
        if try reader.flag("leadership") { leadership = try RaftLeadership(decoding: &reader) }
    }
}
