// Pemba: what the subject is in already.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// The subject's object, and those that tuples lead to from it or from the wildcard of its type, nearest first: those by
/// which it may be given a permission.
///
/// Steps are taken whole or not at all, as long as there are at most `Limits.suggestionScan` tuples to follow, so that
/// nothing depends on the numbers of entities.
struct CandidateObjects {
    private var objects: [UInt32: [UInt32]] = [:]

    init(_ inquiry: Inquiry, _ reader: StateReader) throws(GraphError) {
        let view = inquiry.view
        let check = inquiry.state.pointee.check
        let wildcard = view.wildcards[Int(check.subjectType)]
        // The subject is one of them even if it has no number, which depends on the history of its tuples.
        objects[check.subjectType] = [check.subject]
        var step = [check.subject, wildcard].filter { $0 >= EntityNumber.first }
        var known = Set(step)
        var left = Limits.suggestionScan
        while !step.isEmpty {
            left -= step.reduce(0) { $0 + RowWord(raw: view.reverse($1).pointee).count }
            guard left >= 0 else { return }
            var next: [UInt32] = []
            for entity in step {
                try inquiry.forEachReverse(entity) { mirror in
                    let resource = RowEntry.entity(mirror)
                    if known.insert(resource).inserted { next.append(resource) }
                }
            }
            step = next.sorted { reader.precedes($0, $1) }
            for entity in step { objects[UInt32(view.records[Int(entity)].type), default: []].append(entity) }
        }
    }

    /// The objects of a type.
    func ofType(_ type: UInt32) -> [UInt32] { objects[type] ?? [] }
}

extension Inquiry {
    /// Calls `body` with each entry of an entity's reverse row.
    fileprivate func forEachReverse(_ entity: UInt32, _ body: (UInt64) -> Void) throws(GraphError) {
        var next: UInt64 = 0
        while true {
            let run = view.rows.run(view.reverse(entity), from: next)
            if run.isEmpty { return }
            try spend(run.end - run.start)
            var cursor = run.start
            while cursor < run.end {
                body(cursor.pointee)
                cursor += 1
            }
            next = RowEntry.key((run.end - 1).pointee) + RowEntry.step
        }
    }
}
