// Pemba: many checks at a time.
// SPDX-License-Identifier: Apache-2.0

import CPembaMemory
package import PembaCore

/// What the stages of a batch hand to each other.
struct BatchScratch {
    /// Checks that go through the stages together: enough to overlap their cache misses.
    static let width = 16

    struct Item: BitwiseCopyable {
        var check: ResolvedCheck
        var resourceHash: UInt32
        var subjectHash: UInt32
    }

    let items: UnsafeMutablePointer<Item>

    init() { items = .allocate(capacity: BatchScratch.width) }

    func release() { items.deallocate() }
}

extension Graph {
    /// Evaluates a burst of checks and hands over each outcome with its position, in order: `decide` gets those that have a
    /// plain answer, `other` the rest.
    ///
    /// The checks of a group go through each stage of the lookup together (index slots, records, ids and rows), so that the
    /// processor waits for their cache misses at the same time instead of one after the other.
    package func evaluateBatch(
        _ views: UnsafeBufferPointer<CheckView>,
        slice: Int = Limits.evaluationSlice,
        budget: Int = Limits.evaluationVisits,
        decide: (Int, Bool) -> Void,
        other: (Int, EvaluationStep) -> Void
    ) {
        var next = 0
        while next < views.count {
            let first = next
            var refusal: GraphError?
            while next < views.count, next - first < BatchScratch.width, refusal == nil {
                do throws(GraphError) {
                    try resolveNames(views, first, next)
                    next += 1
                } catch {
                    refusal = error
                }
            }
            find(views, first, next - first)
            evaluate(first, next - first, slice, budget, decide, other)
            if let refusal {
                other(next, .failed(refusal))
                next += 1
            }
        }
    }

    /// Looks up the names of the check at `position` of a group that starts at `first`.
    @inline(__always)
    private func resolveNames(
        _ views: UnsafeBufferPointer<CheckView>,
        _ first: Int,
        _ position: Int
    ) throws(GraphError) {
        let view = views[position]
        let place = position - first
        var check: ResolvedCheck
        // One caller's checks often ask for the same permission.
        if place > 0, view.hasNames(of: views[position - 1]) {
            check = batch.items[place - 1].check
            try Graph.checkIDs(view)
        } else {
            check = try resolveNames(view, hot)
        }
        batch.items[place] = BatchScratch.Item(
            check: check,
            resourceHash: entities.hash(type: resourceType(check, hot), id: view.resourceID),
            subjectHash: entities.hash(type: check.subjectType, id: view.subjectID)
        )
    }

    /// Finds the entities of a group, stage by stage.
    ///
    /// Each stage fetches what the next one reads. Reading ahead instead would wait for memory as soon as the processor has
    /// no room for more instructions that depend on it, which is after a few checks.
    private func find(_ views: UnsafeBufferPointer<CheckView>, _ first: Int, _ count: Int) {
        let items = batch.items
        for place in 0..<count {
            pemba_prefetch(entities.index.start(items[place].resourceHash))
            pemba_prefetch(entities.index.start(items[place].subjectHash))
        }
        for place in 0..<count {
            let resource = entities.candidate(items[place].resourceHash)
            let subject = entities.candidate(items[place].subjectHash)
            items[place].check.resource = resource
            items[place].check.subject = subject
            pemba_prefetch(entities.records + Int(resource))
            pemba_prefetch(entities.records + Int(subject))
        }
        for place in 0..<count {
            let resource = items[place].check.resource
            let subject = items[place].check.subject
            pemba_prefetch(entities.idStart(resource))
            pemba_prefetch(entities.idStart(subject))
            prefetch(entities.records[Int(resource)].forward)
            prefetch(entities.records[Int(subject)].reverse)
        }
        for place in 0..<count {
            let view = views[first + place]
            let item = items[place]
            items[place].check.resource = entities.confirm(
                item.check.resource,
                item.resourceHash,
                type: resourceType(item.check, hot),
                id: view.resourceID
            )
            items[place].check.subject = entities.confirm(
                item.check.subject,
                item.subjectHash,
                type: item.check.subjectType,
                id: view.subjectID
            )
            standInForUnknown(&items[place].check, view, hot)
        }
    }

    /// Fetches the start of a row.
    @inline(__always)
    private func prefetch(_ word: UInt64) {
        let row = RowWord(raw: word)
        if !row.isSingle, !row.isEmpty { pemba_prefetch(rows.arena.base + row.reference) }
    }

    /// Evaluates the checks of a group, all with one evaluation: their state and their context, which is empty, are the same.
    private func evaluate(
        _ first: Int,
        _ count: Int,
        _ slice: Int,
        _ budget: Int,
        _ decide: (Int, Bool) -> Void,
        _ other: (Int, EvaluationStep) -> Void
    ) {
        var evaluation = evaluation(in: present, context: .empty)
        for place in 0..<count {
            let state = evaluation.state
            state.pointee.begin(batch.items[place].check, budget: budget, depth: .max, view: hot.pointee.view)
            let ending = state.pointee.runSlice(hot.pointee.view, slice: slice)
            if ending == .yes || ending == .no {
                state.pointee.clear()
                decide(first + place, ending == .yes)
            } else {
                other(first + place, step(evaluation, after: ending, slice: slice))
                evaluation = self.evaluation(in: present, context: .empty)
            }
        }
        abandon(evaluation)
    }
}

extension CheckView {
    /// Whether both ask for the same relation and the same kind of subject.
    @inline(__always)
    fileprivate func hasNames(of other: CheckView) -> Bool {
        CheckView.equal(permission, other.permission) && CheckView.equal(resourceType, other.resourceType)
            && CheckView.equal(subjectType, other.subjectType)
            && CheckView.equal(subjectRelation, other.subjectRelation)
    }

    @inline(__always)
    private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard let start = left.baseAddress, let other = right.baseAddress else { return true }
        return ByteHash.equal(start, other, count: left.count)
    }
}
