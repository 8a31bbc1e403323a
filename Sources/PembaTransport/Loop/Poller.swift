// Pemba: waiting until a socket is ready, a time has come, or another thread calls.
// SPDX-License-Identifier: Apache-2.0

import CPembaSockets
import Glibc

/// What a socket is waited for, or was found to be.
struct Readiness: OptionSet {
    let rawValue: UInt8

    /// There are bytes, a connection, the end or an error to be read.
    static let readable = Readiness(rawValue: 1)
    /// Bytes can be written, or connecting is over.
    static let writable = Readiness(rawValue: 2)
}

/// epoll(7), with a timer and a bell.
///
/// Everything but the bell belongs to the loop's thread. Readiness is told as long as it lasts (level-triggered), so that
/// whoever is told need not read everything at once.
struct Poller: ~Copyable {
    /// The names of the timer and the bell; those of sockets have a generation above 0 in the upper half.
    private static let timerName: UInt64 = 1
    private static let bellName: UInt64 = 2
    /// How many sockets one wait tells of; the rest are told by the next.
    ///
    /// What they bring may be handshakes of milliseconds each, and times that fall due meanwhile wait for the turn's end.
    private static let eventsMax = 64

    /// What wakes the thread that waits.
    struct Bell: Sendable {
        fileprivate let descriptor: CInt

        /// Wakes it, or the next time that it would wait; any thread may call it while the poller is there.
        func ring() {
            var one: UInt64 = 1
            // It can fail only if the bell has been rung 2^64 - 2 times without being heard.
            _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
        }
    }

    let bell: Bell
    private let poll: CInt
    private let timer: CInt
    private let events: UnsafeMutableBufferPointer<epoll_event>
    /// When the timer fires, in nanoseconds of the monotonic clock.
    private var armedFor = UInt64.max

    /// Fails if the process may open no more descriptors.
    init() throws(TransportError) {
        let poll = epoll_create1(CInt(EPOLL_CLOEXEC))
        let timer = timerfd_create(CLOCK_MONOTONIC, CInt(TFD_CLOEXEC | TFD_NONBLOCK))
        let bell = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        guard poll >= 0, timer >= 0, bell >= 0,
            Poller.control(poll, EPOLL_CTL_ADD, timer, Poller.timerName, .readable) == 0,
            Poller.control(poll, EPOLL_CTL_ADD, bell, Poller.bellName, .readable) == 0
        else {
            let reason = SystemReason.text(errno)
            for descriptor in [poll, timer, bell] where descriptor >= 0 { close(descriptor) }
            throw .noLoop(reason: reason)
        }
        (self.poll, self.timer, self.bell) = (poll, timer, Bell(descriptor: bell))
        events = .allocate(capacity: Poller.eventsMax)
    }

    deinit {
        close(bell.descriptor)
        close(timer)
        close(poll)
        events.deallocate()
    }

    /// Watches a socket, which is told of by its name; fails if the system has no room for that.
    func add(_ descriptor: CInt, named name: UInt64, for readiness: Readiness) throws(SystemError) {
        try SystemError.check(Poller.control(poll, EPOLL_CTL_ADD, descriptor, name, readiness))
    }

    /// Watches it for something else.
    func change(_ descriptor: CInt, named name: UInt64, to readiness: Readiness) {
        let result = Poller.control(poll, EPOLL_CTL_MOD, descriptor, name, readiness)
        precondition(result == 0, "a descriptor was changed that is not watched")
    }

    /// Watches it no more.
    func remove(_ descriptor: CInt) {
        let result = Poller.control(poll, EPOLL_CTL_DEL, descriptor, 0, [])
        precondition(result == 0, "a descriptor was left that is not watched")
    }

    private static func control(
        _ poll: CInt,
        _ operation: CInt,
        _ descriptor: CInt,
        _ name: UInt64,
        _ readiness: Readiness
    ) -> CInt {
        var event = epoll_event()
        if readiness.contains(.readable) { event.events |= EPOLLIN.rawValue }
        if readiness.contains(.writable) { event.events |= EPOLLOUT.rawValue }
        event.data.u64 = name
        return epoll_ctl(poll, operation, descriptor, &event)
    }

    /// Waits until something is ready or `deadline` has come (nil: does not wait); returns how many `event`s there are.
    ///
    /// - Parameter deadline: nanoseconds of the monotonic clock.
    mutating func wait(until deadline: UInt64?) -> Int {
        if let deadline { arm(deadline) }
        let found = epoll_wait(poll, events.baseAddress, CInt(events.count), deadline == nil ? 0 : -1)
        precondition(found >= 0 || errno == EINTR, "epoll_wait on a poller that is closed")
        return max(Int(found), 0)
    }

    /// What the last wait found at `place`; nil if that was the timer or the bell.
    mutating func event(_ place: Int) -> (name: UInt64, readiness: Readiness)? {
        let event = events[place]
        switch event.data.u64 {
        case Poller.timerName:
            silence(timer)
            armedFor = .max
            return nil
        case Poller.bellName:
            silence(bell.descriptor)
            return nil
        case let name:
            var readiness: Readiness = []
            // Errors and the end are what reading tells.
            let reading = EPOLLIN.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue
            if event.events & reading != 0 { readiness.insert(.readable) }
            if event.events & EPOLLOUT.rawValue != 0 { readiness.insert(.writable) }
            return (name, readiness)
        }
    }

    /// Sets the timer, unless it is set for that time.
    private mutating func arm(_ deadline: UInt64) {
        guard deadline != armedFor else { return }
        armedFor = deadline
        var setting = itimerspec()
        // A time of zero would stop the timer, as it is to be when nothing is due ever.
        if deadline != .max {
            let instant = max(deadline, 1)
            setting.it_value = timespec(tv_sec: Int(instant / 1_000_000_000), tv_nsec: Int(instant % 1_000_000_000))
        }
        let result = timerfd_settime(timer, CInt(TFD_TIMER_ABSTIME), &setting, nil)
        precondition(result == 0, "timerfd_settime on a poller that is closed")
    }

    private func silence(_ descriptor: CInt) {
        var count: UInt64 = 0
        _ = read(descriptor, &count, MemoryLayout<UInt64>.size)
    }
}
