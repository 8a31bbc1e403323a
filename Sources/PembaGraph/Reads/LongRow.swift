// Pemba: long rows in the order of reads.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// How far a read has come at one revision: what is not worth finding out again for each page, or each part of one.
package final class ReadProgress {
    /// Whether one page is all that is read: then no more of a long row is put in order.
    let isOnePage: Bool
    /// The row in which the last page ended, or whose order is being made.
    var row: LongRow?

    /// At the beginning.
    package init(isOnePage: Bool = false) { self.isOnePage = isOnePage }

    /// Whether a row's order is being made: that goes on at the same revision or begins anew.
    package var isUnderWay: Bool { row != nil }
}

/// The rest of a row's tuples in the order of reads.
///
/// A row is sorted by numbers, and reads by names: looking for the next page in the row takes the length of the row, for
/// every page. This puts it in order once, or only as much of it as one page takes. It holds numbers only, which stay what they are as long as the history reaches
/// back to the revision that is read.
struct LongRow {
    /// Rows up to this length are looked through for each page.
    static let lengthMin = SortedRuns<TupleEnd>.runLength

    let entity: UInt32
    let isForward: Bool
    /// The tuple after which it goes on; nil at the beginning.
    private(set) var place: RelationTuple?
    /// The key of the entry that is taken in next; nil once all are.
    private var next: UInt64?
    private var runs: SortedRuns<TupleEnd>
    /// The first of them, as long as entries are taken in, if no more are wanted.
    private var first: FirstTuples?

    /// Begins with no entry taken in; `most` says how many are wanted, nil for all.
    init(
        _ entity: UInt32,
        isForward: Bool,
        _ filter: LinkedFilter,
        after place: RelationTuple?,
        most: Int?,
        _ reader: StateReader
    ) {
        self.entity = entity
        self.isForward = isForward
        self.place = place
        next = RowEntry.start(ofRelation: filter.relation)
        let (entities, linked) = (reader.entities, reader.linked)
        let precedes = { StateReader.precedes(entities, linked, $0, $1) }
        runs = SortedRuns(sort: { $0.sort(by: precedes) }, precedes: precedes)
        first = most.map { FirstTuples(limit: $0) }
    }

    /// Takes entries in that a filter means, about `work` of them; true once all are.
    mutating func extend(_ filter: LinkedFilter, _ reader: StateReader, work: inout Int) -> Bool {
        let view = reader.basis.hot.pointee.view
        while let from = next {
            guard work > 0 else { return false }
            let run = reader.graph.rows.run(isForward ? view.forward(entity) : view.reverse(entity), from: from)
            var cursor = run.start
            while cursor < run.end, filter.relation == 0 || RowEntry.relation(cursor.pointee) == filter.relation {
                let entry = cursor.pointee & ~1
                cursor += 1
                let end =
                    isForward
                    ? TupleEnd(resource: entity, entry: entry)
                    : TupleEnd(resource: RowEntry.entity(entry), entry: RowEntry.mirror(entry, naming: entity))
                guard filter.matches(end, reader), place.map({ reader.order(end, $0) > 0 }) ?? true else { continue }
                if first == nil { work -= runs.add(end) } else { first?.offer(end, reader) }
            }
            work -= cursor - run.start + 1
            let isOver = run.isEmpty || cursor < run.end
            next = isOver ? nil : RowEntry.key((run.end - 1).pointee) + RowEntry.step
            if isOver { seal(reader) }
        }
        return true
    }

    private mutating func seal(_ reader: StateReader) {
        for end in first?.sorted(reader) ?? [] { _ = runs.add(end) }
        first = nil
        runs.seal()
    }

    /// Takes up to `most` tuples out; all are in.
    mutating func take(_ most: Int, _ reader: StateReader) -> [TupleEnd] {
        var ends: [TupleEnd] = []
        while ends.count < most, let end = runs.first {
            ends.append(end)
            runs.removeFirst()
        }
        if let last = ends.last { place = reader.tuple(last) }
        return ends
    }

    /// Whether nothing is left.
    var isEmpty: Bool { runs.first == nil }
}
