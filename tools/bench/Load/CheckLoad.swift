// Pemba: a load of checks.
// SPDX-License-Identifier: Apache-2.0

import Histogram
import NIOCore
import PembaClient
import PembaTooling

/// Keeps a number of checks in flight on each connection of a client: an answer makes room for the next check.
///
/// It uses the client's check pipelines, which cost the generator least: no task, no allocation and no wake-up for a
/// check. One look at the clock ends one check and begins the next.
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

    private let plan: Plan
    private var window = Window(warmUp: 0, seconds: 0)
    private var pipelines: [CheckPipeline] = []
    private var slots: [Slot] = []
    private var asked = 0
    private var inFlight = 0
    private var latencies = Latencies.latencies()
    private var interludeLatencies = Latencies.latencies()
    private var failure: (any Error)?
    private var promise: EventLoopPromise<Void>?

    private init(_ plan: Plan) { self.plan = plan }

    /// The latencies of what ended in the window.
    struct Outcome: Sendable {
        let checks: Latencies
        let interludes: Latencies
    }

    /// A load on all connections of `client`, which are there when this returns.
    static func prepare(_ plan: Plan, on client: PembaClient) async throws -> CheckLoad {
        let load = CheckLoad(plan)
        try await client.withCheckPipelines { pipelines in
            load.pipelines = pipelines
            for pipeline in pipelines {
                pipeline.handler = { [unowned load] token, result in load.answered(Int(token), result) }
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
        return try await eventLoop.submit { Outcome(checks: self.latencies, interludes: self.interludeLatencies) }.get()
    }

    private func begin(_ window: Window, _ promise: EventLoopPromise<Void>) {
        self.window = window
        self.promise = promise
        latencies.reset()
        interludeLatencies.reset()
        slots = [Slot](repeating: Slot(), count: pipelines.count * plan.depth)
        let now = Window.now
        inFlight = slots.count
        for slot in slots.indices { next(slot, now) }
    }

    /// Uses a free slot: for the next check, or for nothing any more.
    @inline(__always)
    private func next(_ slot: Int, _ now: UInt64) {
        guard now < window.end, failure == nil else { return release() }
        asked &+= 1
        if let interlude = plan.interlude, asked % interlude.every == 0 { return pause(slot, now, interlude.run) }
        let question = asked & (plan.questions.items.count - 1)
        slots[slot] = Slot(started: now, question: question)
        let pipeline = pipelines[slot / plan.depth]
        let isSent = pipeline.submit(
            plan.questions.items[question],
            consistency: plan.consistency,
            token: UInt64(slot)
        )
        if !isSent {
            failure = failure ?? ToolError("\(pipeline.endpoint) has no room for a check, or the connection is lost")
            release()
        }
    }

    private func release() {
        inFlight -= 1
        guard inFlight == 0 else { return }
        for pipeline in pipelines { pipeline.handler = { _, _ in } }
        pipelines = []
        let promise = promise
        self.promise = nil
        if let failure { promise?.fail(failure) } else { promise?.succeed(()) }
    }

    private func answered(_ slot: Int, _ result: Result<CheckAnswer, ClientError>) {
        let now = Window.now
        let question = slots[slot].question
        switch result {
        case .failure(let error): failure = failure ?? error
        case .success(let answer):
            guard (answer.permissionship == .hasPermission) == plan.questions.expected[question] else {
                let item = plan.questions.items[question]
                failure = failure ?? ToolError("a wrong answer: \(item) is not \(answer.permissionship)")
                return release()
            }
            if window.contains(now) { latencies.record(now - slots[slot].started) }
        }
        next(slot, now)
    }

    private func pause(_ slot: Int, _ started: UInt64, _ interlude: Interlude) {
        interlude { result in
            let now = Window.now
            if case .failure(let error) = result { self.failure = self.failure ?? error }
            if self.window.contains(now) { self.interludeLatencies.record(now - started) }
            self.next(slot, now)
        }
    }
}
