// Pemba: many checks at a time.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What the stages of a batch hand to each other.
struct BatchScratch {
    /// Checks that go through the stages together: enough to overlap their cache misses.
    static let width = 16

    struct Item: BitwiseCopyable {
        var check: ResolvedCheck
        var resourceHash: UInt32
        var subjectHash: UInt32
        /// Where this check is in the batch.
        var position: Int
    }

    let items: UnsafeMutablePointer<Item>
    /// Takes what the stages read ahead, so that the reads are not left out.
    let sink: UnsafeMutablePointer<UInt64>

    init() {
        items = .allocate(capacity: BatchScratch.width)
        sink = .allocate(capacity: 1)
        sink.initialize(to: 0)
    }

    func release() {
        items.deallocate()
        sink.deallocate()
    }
}

extension Graph {
    /// Evaluates a burst of checks and hands each outcome with its position to `body`, in order.
    ///
    /// The checks of a group go through each stage of the lookup together (index slots, records, rows), so that the
    /// processor waits for their cache misses at the same time instead of one after the other.
    package func evaluateBatch(
        _ views: UnsafeBufferPointer<CheckView>,
        slice: Int = Limits.evaluationSlice,
        budget: Int = Limits.evaluationVisits,
        _ body: (Int, EvaluationStep) -> Void
    ) {
        var next = 0
        while next < views.count {
            var count = 0
            var refusal: (position: Int, error: GraphError)?
            while next < views.count, count < BatchScratch.width, refusal == nil {
                do throws(GraphError) {
                    let check = try resolveNames(views[next], hot)
                    batch.items[count] = BatchScratch.Item(
                        check: check,
                        resourceHash: entities.hash(type: resourceType(check, hot), id: views[next].resourceID),
                        subjectHash: entities.hash(type: check.subjectType, id: views[next].subjectID),
                        position: next
                    )
                    count += 1
                } catch {
                    refusal = (next, error)
                }
                next += 1
            }
            find(views, count)
            for place in 0..<count {
                let item = batch.items[place]
                body(item.position, evaluate(item.check, slice: slice, budget: budget))
            }
            if let refusal { body(refusal.position, .failed(refusal.error)) }
        }
    }

    /// Finds the entities of a group, stage by stage.
    private func find(_ views: UnsafeBufferPointer<CheckView>, _ count: Int) {
        let items = batch.items
        var read: UInt64 = 0
        for place in 0..<count {
            var resource = entities.index.probe(items[place].resourceHash)
            var subject = entities.index.probe(items[place].subjectHash)
            read ^= entities.index.next(&resource) ^ entities.index.next(&subject)
        }
        for place in 0..<count {
            read ^= entities.readAhead(items[place].resourceHash) ^ entities.readAhead(items[place].subjectHash)
        }
        for place in 0..<count {
            let view = views[items[place].position]
            let type = resourceType(items[place].check, hot)
            items[place].check.resource = entities.find(items[place].resourceHash, type: type, id: view.resourceID)
            items[place].check.subject = entities.find(
                items[place].subjectHash,
                type: items[place].check.subjectType,
                id: view.subjectID
            )
            standInForUnknown(&items[place].check, view, hot)
        }
        for place in 0..<count { read ^= readAhead(items[place].check.resource) }
        batch.sink.pointee = read
    }

    /// Reads the start of an entity's row.
    @inline(__always)
    private func readAhead(_ entity: UInt32) -> UInt64 {
        let row = RowWord(raw: entities.records[Int(entity)].forward)
        return row.isSingle || row.isEmpty ? 0 : rows.arena.base[row.reference]
    }
}
