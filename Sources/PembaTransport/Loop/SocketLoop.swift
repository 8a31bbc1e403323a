// Pemba: an event loop for sockets.
// SPDX-License-Identifier: Apache-2.0

import CPembaSockets
import DequeModule
package import Dispatch
import Glibc
package import NIOCore
import Synchronization

/// Who is told when a socket is ready.
protocol SocketUser: AnyObject {
    /// The socket can be read or written, has ended or has failed; reading and writing tell which.
    func socketIsReady(_ readiness: Readiness)

    /// The loop is about to end: the socket is to be left and closed.
    func loopWillEnd()
}

/// One thread that waits for sockets, for times and for other threads, and does what there is to do.
///
/// A turn looks at the sockets, does what has fallen due, and then the tasks that were handed over until then; what gathered
/// on connections meanwhile is sent. What a task hands over waits for the next turn: so between any two tasks of which one
/// brings forth the other the sockets are looked at, and no kind of work keeps the loop from them.
///
/// It is an `EventLoop` of SwiftNIO, for its promises, futures and scheduled tasks; its channels live on loops of their own.
/// Decision 0021 says why sockets do not.
///
/// `@unchecked Sendable`: what is not behind `shared` is touched by the loop's thread alone, after `init`.
package final class SocketLoop: EventLoop, @unchecked Sendable {
    /// What other threads touch.
    private struct Shared {
        var tasks: [@Sendable () -> Void] = []
        /// Whether the thread waits, or is about to, so that it must be woken.
        var isAsleep = false
        var isStopping = false
        /// Told when the thread has ended.
        var onStopped: [@Sendable () -> Void] = []
        var hasStopped = false
    }

    /// A socket that is watched.
    private struct Watched {
        /// Tells it from those that had its place before; never 0.
        var generation: UInt32
        var descriptor: CInt
        var user: (any SocketUser)?
        /// What it is watched for.
        var readiness: Readiness
    }

    /// The name of a watched socket.
    struct Watch {
        fileprivate let place: Int
        fileprivate let generation: UInt32
        fileprivate var name: UInt64 { UInt64(generation) << 32 | UInt64(place) }
    }

    /// Memory that is kept for ciphertext; what needs more gives it back.
    private static let keptCapacity = 1 << 20
    /// How often what the end brings forth is ended as well.
    private static let endingRounds = 4
    /// How much is read from a socket at a time.
    private static let readBytes = 256 << 10

    private let name: String
    private let shared = Mutex(Shared())
    private let bell: Poller.Bell
    private var poller: Poller
    private var watched: [Watched] = []
    private var freePlaces: [Int] = []
    private var timers = LoopTimers()
    private var tasks: Deque<@Sendable () -> Void> = []
    /// Connections that send what they have at the end of the turn.
    private var flushes: [Connection] = []
    /// How often it has looked at its sockets; ask on the loop.
    package private(set) var turns: UInt64 = 0
    /// Where sockets are read to; its content is done with when its reader returns.
    let readBuffer: UnsafeMutableRawBufferPointer
    private var sealBuffer: UnsafeMutableRawBufferPointer

    /// Starts the thread; fails if the process may have no more descriptors or threads.
    ///
    /// - Parameter name: what it is called in the system's tools; at most 15 bytes.
    package init(name: String) throws(TransportError) {
        self.name = name
        poller = try Poller()
        bell = poller.bell
        readBuffer = .allocate(byteCount: SocketLoop.readBytes, alignment: 64)
        sealBuffer = .allocate(byteCount: 64 << 10, alignment: 64)
        // The thread holds the loop until it has ended.
        let reference = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(&thread, nil, SocketLoop.main, reference.toOpaque())
        guard result == 0 else {
            reference.release()
            throw .noLoop(reason: SystemReason.text(result))
        }
        pthread_detach(thread)
    }

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { reference in
        guard let reference else { return nil }
        let loop = Unmanaged<SocketLoop>.fromOpaque(reference).takeRetainedValue()
        pemba_begin_loop(reference, loop.name)
        while loop.turn() {}
        loop.end()
        return nil
    }

    deinit {
        readBuffer.deallocate()
        sealBuffer.deallocate()
    }

    /// Ends the thread once what was handed over until now is done; returns at once.
    ///
    /// Sockets that are still watched are closed then, timers fail, and what is handed over later is dropped.
    ///
    /// - Parameter completion: called by the thread, as its last act.
    package func stop(_ completion: @escaping @Sendable () -> Void) {
        let hasStopped = shared.withLock { shared in
            guard !shared.hasStopped else { return true }
            shared.isStopping = true
            shared.onStopped.append(completion)
            return false
        }
        if hasStopped { return completion() }
        bell.ring()
    }

    /// Ends the thread as `stop` does, and waits for that; so not from the loop itself.
    package func stopAndWait() {
        preconditionNotInEventLoop()
        let ended = DispatchSemaphore(value: 0)
        stop { ended.signal() }
        ended.wait()
    }

    // MARK: - Sockets

    /// Tells `user` whenever the socket is ready, until `unwatch`; keeps `user` that long.
    ///
    /// Fails if the system has no room for another.
    func watch(_ descriptor: CInt, for readiness: Readiness, _ user: any SocketUser) throws(SystemError) -> Watch {
        preconditionInEventLoop()
        let place: Int
        if let free = freePlaces.popLast() {
            place = free
            watched[place].generation &+= 1
            if watched[place].generation == 0 { watched[place].generation = 1 }
        } else {
            place = watched.count
            watched.append(Watched(generation: 1, descriptor: descriptor, user: nil, readiness: readiness))
        }
        let watch = Watch(place: place, generation: watched[place].generation)
        do throws(SystemError) {
            try poller.add(descriptor, named: watch.name, for: readiness)
        } catch {
            freePlaces.append(place)
            throw error
        }
        watched[place].descriptor = descriptor
        watched[place].user = user
        watched[place].readiness = readiness
        return watch
    }

    /// Watches the socket for something else.
    func change(_ watch: Watch, to readiness: Readiness) {
        precondition(watched[watch.place].generation == watch.generation, "a socket that is not watched was changed")
        guard watched[watch.place].readiness != readiness else { return }
        watched[watch.place].readiness = readiness
        poller.change(watched[watch.place].descriptor, named: watch.name, to: readiness)
    }

    /// Watches the socket no more; call it before the socket is closed.
    func unwatch(_ watch: Watch) {
        precondition(watched[watch.place].generation == watch.generation, "a socket that is not watched was left")
        poller.remove(watched[watch.place].descriptor)
        let user = watched[watch.place].user
        watched[watch.place].user = nil
        // What was found ready before and is told later is not meant for whoever gets the place next.
        watched[watch.place].generation &+= 1
        freePlaces.append(watch.place)
        // It may go now, when nothing of the loop is being changed.
        withExtendedLifetime(user) {}
    }

    /// Memory for what is written next; valid until it is asked for again, and of use within one call.
    func sealMemory(atLeast count: Int) -> UnsafeMutableRawBufferPointer {
        let isTooLarge = sealBuffer.count > SocketLoop.keptCapacity && count <= SocketLoop.keptCapacity
        if sealBuffer.count < count || isTooLarge {
            sealBuffer.deallocate()
            sealBuffer = .allocate(byteCount: max(count, 64 << 10), alignment: 64)
        }
        return sealBuffer
    }

    /// Lets `connection` send what it has at the end of this turn; call it on the loop.
    func flushAtEndOfTurn(_ connection: Connection) { flushes.append(connection) }

    // MARK: - Turns

    /// Looks once at everything; false if that was the last time.
    private func turn() -> Bool {
        let found = poller.wait(until: sleepLimit())
        turns += 1
        for place in 0..<found {
            if let event = poller.event(place) { tell(event.name, event.readiness) }
        }
        let now = NIODeadline.now().uptimeNanoseconds
        while let timer = timers.popDue(by: now) { timer.end(.due) }
        let isStopping = takeTasks()
        // What is to be sent by now does not wait for tasks, which may take long.
        flush()
        runTasks()
        flush()
        return !isStopping || !tasks.isEmpty
    }

    /// Takes over what other threads have handed over; true if they want the loop to end.
    private func takeTasks() -> Bool {
        shared.withLock { shared in
            shared.isAsleep = false
            tasks.append(contentsOf: shared.tasks)
            shared.tasks.removeAll(keepingCapacity: true)
            return shared.isStopping
        }
    }

    /// Does the tasks that are there; what they bring forth waits.
    private func runTasks() {
        for _ in 0..<tasks.count { tasks.popFirst()?() }
    }

    /// Closes what is open and ends what waits.
    private func end() {
        // What an end brings forth may open something once more, but not without end.
        for _ in 0..<SocketLoop.endingRounds {
            for user in watched.compactMap(\.user) { user.loopWillEnd() }
            for timer in timers.removeAll() { timer.end(.dropped) }
            _ = takeTasks()
            runTasks()
        }
        let completions = shared.withLock { shared in
            shared.hasStopped = true
            tasks.append(contentsOf: shared.tasks)
            shared.tasks = []
            defer { shared.onStopped = [] }
            return shared.onStopped
        }
        // Everything that was taken is done; what comes from here on is refused, or has nobody to do it.
        runTasks()
        for timer in timers.removeAll() { timer.end(.dropped) }
        for completion in completions { completion() }
    }

    /// How long to sleep; nil: not at all.
    private func sleepLimit() -> UInt64? {
        guard tasks.isEmpty else { return nil }
        let mayWait = shared.withLock { shared in
            shared.isAsleep = shared.tasks.isEmpty && !shared.isStopping
            return shared.isAsleep
        }
        return mayWait ? timers.nextDeadline ?? .max : nil
    }

    private func tell(_ name: UInt64, _ readiness: Readiness) {
        let place = Int(truncatingIfNeeded: UInt32(truncatingIfNeeded: name))
        guard watched[place].generation == UInt32(name >> 32) else { return }
        let user = watched[place].user
        user?.socketIsReady(readiness)
    }

    private func flush() {
        guard !flushes.isEmpty else { return }
        for place in flushes.indices { flushes[place].turnDidEnd() }
        flushes.removeAll(keepingCapacity: true)
    }

    // MARK: - Tasks

    package var inEventLoop: Bool {
        pemba_current_loop() == UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
    }

    package func execute(_ task: @escaping @Sendable () -> Void) {
        guard !inEventLoop else { return tasks.append(task) }
        let wakes = shared.withLock { shared in
            guard !shared.hasStopped else { return false }
            shared.tasks.append(task)
            defer { shared.isAsleep = false }
            return shared.isAsleep
        }
        if wakes { bell.ring() }
    }

    @discardableResult
    package func scheduleTask<Value>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        let promise = makePromise(of: Value.self)
        let timer = LoopTimer(deadline: deadline.uptimeNanoseconds) { ending in
            switch ending {
            case .due: promise.assumeIsolated().completeWith(Result { try task() })
            case .dropped: promise.fail(EventLoopError.shutdown)
            }
        }
        let isTaken = onLoop { $0.timers.insert(timer) }
        if !isTaken { promise.fail(EventLoopError.shutdown) }
        return Scheduled(promise: promise, cancellationTask: { [self] in onLoop { _ = $0.timers.cancel(timer) } })
    }

    @discardableResult
    package func scheduleTask<Value>(
        in delay: TimeAmount,
        _ task: @escaping @Sendable () throws -> Value
    ) -> Scheduled<Value> {
        scheduleTask(deadline: .now() + delay, task)
    }

    /// Calls `body` on the loop, now if this is it; false if the loop has stopped.
    @discardableResult
    private func onLoop(_ body: @escaping @Sendable (SocketLoop) -> Void) -> Bool {
        let hasStopped = shared.withLock { $0.hasStopped }
        guard !hasStopped else { return false }
        if inEventLoop { body(self) } else { execute { body(self) } }
        return true
    }

    /// Refused, as by every loop that belongs to somebody: its owner stops it.
    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(EventLoopError.unsupportedOperation) }
    }
}
