// Pemba: a load of checks.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import NIOCore
import PembaClient
import PembaTooling

/// Keeps a number of checks in flight on each connection of a client: an answer makes room for the next check.
///
/// It uses the client's check pipelines, which cost the generator least: no task, no allocation and no wake-up for a
/// check. The arrival of a burst of answers ends their checks and begins the next ones.
///
/// `@unchecked Sendable`: after `init`, everything is touched by the client's event loop alone.
final class CheckLoad: @unchecked Sendable {
    /// Does something else than a check in a slot, and calls `done` on the event loop.
    typealias Interlude = @Sendable (_ done: @escaping @Sendable (Result<Void, any Error>) -> Void) -> Void

    /// What is asked, and how.
    struct Plan: Sendable {
        /// The checks.
        var questions: Questions
        /// Checks in flight on each connection.
        var depth: Int
        /// How fresh the state must be.
        var consistency = Consistency.minimizeLatency
        /// What takes the place of every so many checks; nil: nothing.
        var interlude: (every: Int, run: Interlude)?
    }

    /// One place in flight.
    private struct Slot {
        var started: UInt64 = 0
        var question = 0
    }

    /// What changes with every check, behind a pointer: fields of the class would cost an access check each time.
    private struct State {
        var window = Window(warmUp: 0, seconds: 0)
        var pipelines: [CheckPipeline] = []
        var slots: [Slot] = []
        var asked = 0
        var inFlight = 0
        var latencies = Latencies.latencies()
        var interludeLatencies = Latencies.latencies()
        var failure: (any Error)?
    }

    private let plan: Plan
    private let interludeEvery: Int
    private let state: UnsafeMutablePointer<State>
    private var promise: EventLoopPromise<Void>?

    private init(_ plan: Plan) {
        self.plan = plan
        interludeEvery = plan.interlude?.every ?? 0
        state = .allocate(capacity: 1)
        state.initialize(to: State())
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// The latencies of what ended in the window.
    struct Outcome: Sendable {
        let checks: Latencies
        let interludes: Latencies
    }

    /// A load on all connections of `client`, which are there when this returns.
    static func prepare(_ plan: Plan, on client: PembaClient) async throws -> CheckLoad {
        let load = CheckLoad(plan)
        try await client.withCheckPipelines { pipelines in
            load.state.pointee.pipelines = pipelines
            for (place, pipeline) in pipelines.enumerated() {
                // A reference in a circle, which `release` cuts: weaker ones would cost each answer.
                pipeline.handler = { token, result in load.answered(Int(token), at: place, result) }
            }
        }
        return load
    }

    /// Runs until the window has passed and everything is answered.
    ///
    /// A wrong answer or an error ends it early.
    func run(_ window: Window, on eventLoop: any EventLoop) async throws -> Outcome {
        let promise = eventLoop.makePromise(of: Void.self)
        eventLoop.execute { self.begin(window, promise) }
        try await promise.futureResult.get()
        return try await eventLoop.submit {
            Outcome(checks: self.state.pointee.latencies, interludes: self.state.pointee.interludeLatencies)
        }.get()
    }

    private func begin(_ window: Window, _ promise: EventLoopPromise<Void>) {
        self.promise = promise
        state.pointee.window = window
        state.pointee.latencies.reset()
        state.pointee.interludeLatencies.reset()
        let count = state.pointee.pipelines.count * plan.depth
        state.pointee.slots = [Slot](repeating: Slot(), count: count)
        state.pointee.inFlight = count
        let now = Window.now
        for slot in 0..<count { next(slot, at: slot / plan.depth, now) }
    }

    /// Uses a free slot: for the next check, or for nothing any more.
    @inline(__always)
    private func next(_ slot: Int, at place: Int, _ now: UInt64) {
        guard now < state.pointee.window.end, state.pointee.failure == nil else { return release() }
        state.pointee.asked &+= 1
        let asked = state.pointee.asked
        if interludeEvery > 0, asked % interludeEvery == 0 { return pause(slot, at: place, now) }
        let question = asked & (plan.questions.items.count - 1)
        state.pointee.slots[slot] = Slot(started: now, question: question)
        let pipeline = state.pointee.pipelines[place]
        let isSent = pipeline.submit(
            plan.questions.prepared[question],
            consistency: plan.consistency,
            token: UInt64(slot)
        )
        if !isSent {
            fail(ToolError("\(pipeline.endpoint) has no room for a check, or the connection is lost"))
            release()
        }
    }

    /// Ends the load with the first error.
    private func fail(_ error: any Error) {
        if state.pointee.failure == nil { state.pointee.failure = error }
    }

    private func release() {
        state.pointee.inFlight -= 1
        guard state.pointee.inFlight == 0 else { return }
        for pipeline in state.pointee.pipelines { pipeline.handler = { _, _ in } }
        state.pointee.pipelines = []
        let promise = promise
        self.promise = nil
        if let failure = state.pointee.failure { promise?.fail(failure) } else { promise?.succeed(()) }
    }

    private func answered(_ slot: Int, at place: Int, _ result: Result<CheckAnswer, ClientError>) {
        let now = state.pointee.pipelines[place].lastArrival.uptimeNanoseconds
        switch result {
        case .failure(let error): fail(error)
        case .success(let answer):
            let question = state.pointee.slots[slot].question
            if (answer.permissionship == .hasPermission) != plan.questions.expected[question] {
                fail(ToolError("a wrong answer: \(plan.questions.items[question]) is not \(answer.permissionship)"))
            } else if state.pointee.window.contains(now) {
                state.pointee.latencies.record(now - state.pointee.slots[slot].started)
            }
        }
        next(slot, at: place, now)
    }

    private func pause(_ slot: Int, at place: Int, _ started: UInt64) {
        plan.interlude?.run { result in
            let now = Window.now
            if case .failure(let error) = result { self.fail(error) }
            if self.state.pointee.window.contains(now) { self.state.pointee.interludeLatencies.record(now - started) }
            self.next(slot, at: place, now)
        }
    }
}
