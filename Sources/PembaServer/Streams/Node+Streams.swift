// Pemba: sending the frames of streams.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import PembaCore
import PembaService
import PembaTransport
import PembaWire

extension Node {
    /// Unsent bytes of a connection above which its streams wait, so that other answers find room.
    private var streamBacklogMax: Int { configuration.limits.outputBytes / 4 }
    /// How long a stream waits for room in its connection before it looks again.
    private static let backlogPause = TimeAmount.milliseconds(1)

    /// Parts that one call sends before the loop's other work comes.
    private static let partsPerPump = 64

    /// Begins a stream for a request that was admitted.
    func open(_ request: PendingRequest, window: Int, source: AnswerStream.Source) -> AnswerStream {
        request.client.unopened[request.correlation] = nil
        let stream = AnswerStream(request, credit: window, source: source)
        request.client.streams[request.correlation] = stream
        streams[ObjectIdentifier(stream)] = stream
        if stream.isWatch { watches[ObjectIdentifier(stream)] = stream }
        startStreamClock()
        return stream
    }

    /// The client takes more parts.
    func takeCredit(_ correlation: UInt64, _ parts: Int, of client: ClientConnection) {
        guard let stream = client.streams[correlation] else { return }
        stream.credit = min(stream.credit + parts, StreamLimits.window)
        pump(stream)
    }

    /// The client wants no more of a stream, which is forgotten.
    func cancel(_ correlation: UInt64, of client: ClientConnection) {
        // It may still wait for its turn: it is dropped when that comes.
        if client.unopened[correlation] != nil { client.unopened[correlation] = true }
        guard let stream = client.streams[correlation] else { return }
        stream.clear()
        finish(stream)
    }

    /// Sends what may be sent, and asks the source for more.
    func pump(_ stream: AnswerStream) {
        let client = stream.request.client
        guard client.isOpen, client.streams[stream.request.correlation] === stream else { return }
        var sent = 0
        while true {
            guard sent < Node.partsPerPump, !isTurnSpent else { return pumpLater(stream) }
            guard client.connection.outputBacklog <= streamBacklogMax else { return pumpLater(stream) }
            if stream.credit > 0, let part = stream.take() {
                stream.credit -= 1
                stream.moved = SystemClock.now()
                sent += 1
                client.connection.output.raw(part)
                continue
            }
            guard stream.parts.isEmpty else { break }
            if case .exhausted = stream.source {
                if let ending = stream.ending { client.connection.output.raw(ending) }
                return finish(stream)
            }
            guard stream.credit > 0, makeParts(stream) else { break }
        }
        client.connection.flush()
    }

    /// Asks a stream's source for parts; false if none came now.
    private func makeParts(_ stream: AnswerStream) -> Bool {
        switch stream.source {
        case .exhausted, .evaluation: return false
        case .export(let progress):
            queueExport(stream, progress)
            return false
        case .watch:
            let start = SystemClock.now()
            watch(stream)
            noteSpent(SystemClock.now() - start)
            return !stream.parts.isEmpty || stream.ending != nil
        }
    }

    /// Goes on after the loop has looked at its sockets: a task that is due at once would run before it does.
    func pumpLater(_ stream: AnswerStream) {
        stream.request.client.connection.flush()
        guard !stream.isPumpScheduled else { return }
        stream.isPumpScheduled = true
        loop.assumeIsolated().scheduleTask(in: Node.backlogPause) {
            stream.isPumpScheduled = false
            self.pump(stream)
        }
    }

    /// A stream has ended in order, or nobody wants it any more.
    func finish(_ stream: AnswerStream) {
        guard forget(stream) else { return }
        complete(stream.request)
    }

    /// A stream ends with an error, after what waits of it has been dropped.
    func fail(_ stream: AnswerStream, _ error: ServiceError) {
        guard forget(stream) else { return }
        stream.clear()
        fail(stream.request, error)
    }

    /// Takes a stream off its connection; false if it is not there any more.
    private func forget(_ stream: AnswerStream) -> Bool {
        let client = stream.request.client
        guard client.streams[stream.request.correlation] === stream else { return false }
        client.streams[stream.request.correlation] = nil
        streams[ObjectIdentifier(stream)] = nil
        watches[ObjectIdentifier(stream)] = nil
        return true
    }

    /// The connection of streams is gone.
    func forgetStreams(of client: ClientConnection) {
        client.unopened.removeAll()
        for stream in client.streams.values.sorted(by: { $0.request.correlation < $1.request.correlation }) {
            stream.clear()
            finish(stream)
        }
    }

    /// Calls `body` with every watch.
    ///
    /// Their order does not matter: each is told of the same changes in the order of the log.
    func forEachWatch(_ body: (AnswerStream) -> Void) {
        for stream in Array(watches.values) {
            if case .watch = stream.source { body(stream) }
        }
    }

    // MARK: - Time

    private func startStreamClock() {
        guard !isStreamClockRunning else { return }
        isStreamClockRunning = true
        tickStreams()
    }

    /// Looks after all streams once a second, as long as there are any.
    private func tickStreams() {
        loop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            guard self.phase != .stopped else { return }
            for stream in Array(self.streams.values) {
                if stream.isWatch { self.beat(stream) }
                self.endIfHeldUp(stream)
            }
            self.isStreamClockRunning = !self.streams.isEmpty
            if self.isStreamClockRunning { self.tickStreams() }
        }
    }

    /// Ends a stream whose client takes nothing although there is something, so that it does not keep memory for ever.
    private func endIfHeldUp(_ stream: AnswerStream) {
        let now = SystemClock.now()
        guard stream.isHeldUp else {
            stream.moved = now
            return
        }
        let idle = configuration.limits.idleTimeout
        guard now - stream.moved >= idle else { return }
        let milliseconds = idle.nanoseconds / 1_000_000
        fail(
            stream,
            ServiceError(
                stream.isWatch ? .watcherTooSlow : .deadlineExceeded,
                "nothing of the answer was taken for \(milliseconds) ms (limits.idle_timeout_ms); go on after the last item"
            )
        )
    }
}
