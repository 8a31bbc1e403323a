// Pemba: tests of the event loop for sockets.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import NIOCore
import PembaCore
import PembaTLS
import PembaTestSupport
import PembaWire
import Synchronization
import Testing

@testable import PembaTransport

@Suite struct SocketLoopTests {
    /// What happens on one loop, in order.
    private final class Story: @unchecked Sendable {
        var lines: [Int] = []
    }

    @Test func tasksOfOneThreadAreDoneInTheirOrder() async throws {
        let loop = try SocketLoop(name: "test")
        let story = Story()
        for number in 0..<1_000 { loop.execute { story.lines.append(number) } }
        let lines = try await loop.submit { story.lines }.get()
        #expect(lines == Array(0..<1_000))
        loop.stop {}
    }

    @Test func everyTaskOfEveryThreadIsDone() async throws {
        let loop = try SocketLoop(name: "test")
        let story = Story()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<1_000 {
                        // Each waits for the one before, so that the loop falls asleep in between.
                        await withUnsafeContinuation { continuation in
                            loop.execute {
                                story.lines.append(number)
                                continuation.resume()
                            }
                        }
                    }
                }
            }
        }
        let lines = try await loop.submit { story.lines }.get()
        #expect(lines.count == 8_000)
        loop.stop {}
    }

    /// A task that brings forth another for ever, as work in pieces does, keeps no socket waiting.
    @Test func socketsAreLookedAtBetweenTasks() async throws {
        let server = try await EchoServer()
        let loop = try EchoServer.loop.get()
        let work = EndlessWork(loop)
        loop.execute { work.run() }
        let client = try await server.connect()
        for number in 1...20 {
            try await client.send(
                Recorder.Frame(type: FrameType.ping.rawValue, correlation: UInt64(number), payload: [1])
            )
            try await client.wait("echo \(number)") { $0.frames.count == number }
        }
        work.isDone.store(true, ordering: .relaxed)
        try await server.listener.close().get()
    }

    private final class EndlessWork: Sendable {
        let isDone = Atomic(false)
        private let loop: SocketLoop

        init(_ loop: SocketLoop) { self.loop = loop }

        func run() {
            guard !isDone.load(ordering: .relaxed) else { return }
            loop.execute { self.run() }
        }
    }

    // MARK: - Times

    @Test func whatIsScheduledIsDoneInTheOrderOfItsTimes() async throws {
        let loop = try SocketLoop(name: "test")
        let story = Story()
        let start = NIODeadline.now()
        var last: Scheduled<Void>?
        for milliseconds in [30, 10, 20, 10, 0] {
            let deadline = start + .milliseconds(Int64(milliseconds))
            let scheduled = loop.scheduleTask(deadline: deadline) {
                #expect(NIODeadline.now() >= deadline)
                story.lines.append(milliseconds)
            }
            if milliseconds == 30 { last = scheduled }
        }
        try await last?.futureResult.get()
        let lines = try await loop.submit { story.lines }.get()
        #expect(lines == [0, 10, 10, 20, 30])
        loop.stop {}
    }

    @Test func whatIsCancelledIsNotDone() async throws {
        let loop = try SocketLoop(name: "test")
        let story = Story()
        // More than are left until their time.
        let scheduled = (0..<500).map { number in
            loop.scheduleTask(in: .milliseconds(20)) { story.lines.append(number) }
        }
        for (number, scheduled) in scheduled.enumerated() where number % 10 != 3 { scheduled.cancel() }
        for (number, scheduled) in scheduled.enumerated() {
            if number % 10 == 3 {
                try await scheduled.futureResult.get()
            } else {
                await #expect(throws: EventLoopError.cancelled) { try await scheduled.futureResult.get() }
            }
        }
        let lines = try await loop.submit { story.lines }.get()
        #expect(lines == (0..<50).map { $0 * 10 + 3 })
        loop.stop {}
    }

    @Test func cancelledTimersDoNotPileUp() {
        var timers = LoopTimers()
        let kept = LoopTimer(deadline: 1_000_000) { _ in }
        timers.insert(kept)
        for number in 0..<10_000 {
            let timer = LoopTimer(deadline: UInt64(2_000_000 + number)) { _ in }
            timers.insert(timer)
            #expect(timers.cancel(timer) != nil)
            #expect(timers.cancel(timer) == nil)
        }
        #expect(timers.popDue(by: 999_999) == nil)
        #expect(timers.popDue(by: 1_000_000) === kept)
        #expect(timers.removeAll().count < 200)
    }

    // MARK: - The end

    @Test func stoppingDoesWhatWasHandedOverAndNothingElse() async throws {
        let loop = try SocketLoop(name: "test")
        let story = Story()
        loop.scheduleTask(in: .hours(1)) {}.futureResult.whenFailure { error in
            if error as? EventLoopError == .shutdown { story.lines.append(-1) }
        }
        for number in 0..<100 { loop.execute { story.lines.append(number) } }
        await withUnsafeContinuation { continuation in loop.stop { continuation.resume() } }
        #expect(story.lines == Array(0..<100) + [-1])
        loop.execute { story.lines.append(-2) }
        // Who asks again is answered at once.
        await withUnsafeContinuation { continuation in loop.stop { continuation.resume() } }
        #expect(story.lines.count == 101)
    }

    @Test func stoppingClosesWhatIsOpen() async throws {
        let server = try await EchoServer()
        let loop = try SocketLoop(name: "test")
        let client = Recorder(behaviour: .record)
        try await Connector.connect(
            to: server.listener.address,
            tls: server.cluster.client(),
            expecting: server.cluster.node,
            on: loop,
            logger: EchoServer.logger
        ) { _ in RecordingDelegate(client) }.get()
        await withUnsafeContinuation { continuation in loop.stop { continuation.resume() } }
        #expect(client.closed == [.ended(reason: "this process stops serving connections")])
        try await server.events.wait("the server's end") { $0.closed == [.tls(.truncated)] }
        try await server.listener.close().get()
    }

    // MARK: - Sockets

    /// An address that refuses, or leads nowhere, does not keep the next from being tried.
    @Test(arguments: ["127.0.0.1", "192.0.2.1"])
    func theNextAddressIsTried(first: String) async throws {
        let server = try await EchoServer()
        let loop = try EchoServer.loop.get()
        let closed = try await EchoServer()
        try await closed.listener.close().get()
        let bad = NetworkAddress(host: first, port: closed.listener.address.port)
        let addresses = [bad, server.listener.address].compactMap(SocketAddress.numeric)
        let port: UInt16 = try await withCheckedThrowingContinuation { continuation in
            loop.execute {
                ConnectRace.run(addresses, deadline: .now() + .seconds(20), on: loop) { result in
                    if case .success(let (socket, _)) = result { socket.close() }
                    continuation.resume(with: result.map { $0.1.numeric?.port ?? 0 })
                }
            }
        }
        #expect(port == server.listener.address.port)
        try await server.listener.close().get()
    }

    @Test func theFirstErrorIsToldIfNobodyAnswers() async throws {
        let loop = try EchoServer.loop.get()
        let closed = try await EchoServer()
        try await closed.listener.close().get()
        let addresses = [closed.listener.address, closed.listener.address].compactMap(SocketAddress.numeric)
        let error: SystemError? = await withCheckedContinuation { continuation in
            loop.execute {
                ConnectRace.run(addresses, deadline: .now() + .seconds(20), on: loop) { result in
                    if case .failure(let error) = result { continuation.resume(returning: error) }
                }
            }
        }
        #expect(error == SystemError(ECONNREFUSED))
    }

    /// A process that may open no more files accepts the connection that waits as soon as it may.
    @Test func aListenerWithoutRoomGoesOnLater() async {
        await #expect(processExitsWith: .success) {
            let server = try await EchoServer()
            let client = try RawClient(server.listener.address)
            try await eventually("the first") { server.listener.counters.open == 1 }
            // Every descriptor but one, which the next client takes; the listener finds none.
            var taken: [CInt] = []
            while true {
                let descriptor = open("/dev/null", O_RDONLY)
                guard descriptor >= 0 else { break }
                taken.append(descriptor)
            }
            close(taken.removeLast())
            let second = try RawClient(server.listener.address)
            for descriptor in taken { close(descriptor) }
            try await eventually("the second") { server.listener.counters.open == 2 }
            withExtendedLifetime((client, second)) {}
        }
    }
}
