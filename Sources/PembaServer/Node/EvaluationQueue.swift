// Pemba: whose turn it is among the reads.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Says whose slice comes next.
///
/// Whoever has not had a slice comes first: most are answered in it. Those that need more take turns, a slice each, and
/// after `newcomersPerRound` newcomers one of them is served whatever else arrives, so that nobody starves. What is
/// found out between slices takes memory: only so many are under way at once, the others wait for a place and begin
/// anew in it.
struct EvaluationQueue {
    /// Newcomers that are served between two slices of those that need more.
    static let newcomersPerRound = 16
    /// Checks, bulks and others that are under way at once.
    static let checksUnderWay = 16
    /// Lookups that are under way at once.
    static let lookupsUnderWay = 8

    /// The one whose slice it is.
    private(set) var current: EvaluationJob?
    private var newcomers: Deque<EvaluationJob> = []
    /// Those that have been begun and go on later, the next one first.
    private var underWay: Deque<EvaluationJob> = []
    /// Those that need more than a slice, and a place first.
    private var waitingChecks: Deque<EvaluationJob> = []
    private var waitingLookups: Deque<EvaluationJob> = []
    private var lookupsBegun = 0
    private var newcomersServed = 0

    /// Whether an evaluation has been begun and goes on later.
    var isAnyUnderWay: Bool { !underWay.isEmpty }

    /// Whether somebody waits who has not had a slice.
    var hasNewcomers: Bool { !newcomers.isEmpty }

    /// How many wait or are under way.
    var count: Int {
        newcomers.count + underWay.count + waitingChecks.count + waitingLookups.count + (current == nil ? 0 : 1)
    }

    /// Adds one that has had no slice, or holds nothing between slices.
    mutating func append(_ job: EvaluationJob) { newcomers.append(job) }

    /// Makes the next one current; nil if none waits.
    mutating func next() -> EvaluationJob? {
        precondition(current == nil, "a slice was begun within another")
        current = nextNewcomer() ?? nextOfTheOthers() ?? newcomers.popFirst()
        return current
    }

    /// Makes the next one of those under way current; nil if there is none.
    mutating func nextUnderWay() -> EvaluationJob? {
        precondition(current == nil, "a slice was begun within another")
        current = popUnderWay()
        return current
    }

    private mutating func nextNewcomer() -> EvaluationJob? {
        guard newcomersServed < EvaluationQueue.newcomersPerRound, let job = newcomers.popFirst() else {
            newcomersServed = 0
            return nil
        }
        newcomersServed += 1
        return job
    }

    private mutating func nextOfTheOthers() -> EvaluationJob? {
        if hasPlace(forLookup: false), let job = waitingChecks.popFirst() { return job }
        if hasPlace(forLookup: true), let job = waitingLookups.popFirst() { return job }
        return popUnderWay()
    }

    private mutating func popUnderWay() -> EvaluationJob? {
        guard let job = underWay.popFirst() else { return nil }
        if job.isLookup { lookupsBegun -= 1 }
        return job
    }

    private func hasPlace(forLookup isLookup: Bool) -> Bool {
        isLookup
            ? lookupsBegun < EvaluationQueue.lookupsUnderWay
            : underWay.count - lookupsBegun < EvaluationQueue.checksUnderWay
    }

    /// The current one has ended, or was put elsewhere.
    mutating func endCurrent() { current = nil }

    /// Lets one that needs more take turns with the others; without a place for it what it has found out is released,
    /// and it waits for one.
    mutating func keep(_ job: EvaluationJob, orRelease release: (EvaluationJob) -> Void) {
        if job === current { current = nil }
        if hasPlace(forLookup: job.isLookup) {
            underWay.append(job)
            if job.isLookup { lookupsBegun += 1 }
        } else {
            release(job)
            if job.isLookup { waitingLookups.append(job) } else { waitingChecks.append(job) }
        }
    }

    /// Calls `body` with each one that is under way.
    func forEachUnderWay(_ body: (EvaluationJob) -> Void) { underWay.forEach(body) }

    /// Takes all that are under way out.
    mutating func takeUnderWay() -> [EvaluationJob] {
        defer {
            underWay.removeAll()
            lookupsBegun = 0
        }
        return Array(underWay)
    }
}
