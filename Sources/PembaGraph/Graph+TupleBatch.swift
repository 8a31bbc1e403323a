// Pemba: adding many tuples.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
internal import PembaSchema

/// The numbers of the names in a batch, looked up once for each kind of plain tuple.
private struct KindNumbers {
    /// Two places for each kind: for one subject, and for all of a type.
    private var numbers: [TupleNumbers?] = []

    mutating func find(_ packed: PackedTuple, in graph: Graph) throws(GraphError) -> TupleNumbers {
        let place = packed.kind * 2 + (packed.isWildcard ? 1 : 0)
        while numbers.count <= place { numbers.append(nil) }
        if let known = numbers[place] { return known }
        let found = try graph.locate(packed.view, Traits.none)
        numbers[place] = found
        return found
    }
}

extension Graph {
    /// The first tuple of a batch that may not be created or touched, by how many come before it, and why; nil if all may
    /// be.
    package func firstInvalid(of batch: TupleBatch) -> (position: Int, error: GraphError)? {
        var kinds = KindNumbers()
        let rule = linked.schema.ids
        var position = 0
        do throws(GraphError) {
            try batch.forEachTuple { packed throws(GraphError) in
                if packed.isWellFormed, rule.admits(packed.view.resourceID), rule.admits(packed.view.subjectID) {
                    _ = try kinds.find(packed, in: self)
                } else {
                    try validate(Graph.unpack(packed))
                }
                position += 1
            }
            return nil
        } catch {
            return (position, error)
        }
    }

    /// The first tuple of a valid batch that is stored and has not expired, and how many come before it; nil if there is
    /// none.
    package func firstStored(of batch: TupleBatch) -> (position: Int, tuple: RelationTuple)? {
        var kinds = KindNumbers()
        var position = 0
        var found: (position: Int, tuple: RelationTuple)?
        batch.forEachTuple { packed in
            if found == nil, isStored(packed, &kinds) { found = (position, Graph.unpack(packed)) }
            position += 1
        }
        return found
    }

    /// Adds the tuples of a valid batch in their order; those that are stored get the caveats and times of the batch, unless
    /// they are to be kept.
    ///
    /// Returns how many were not stored and how many were. A tuple of the batch that has expired is neither.
    package func put(_ batch: TupleBatch, keepingStored: Bool) -> (created: Int, existing: Int) {
        var kinds = KindNumbers()
        var counts = (created: 0, existing: 0)
        batch.forEachTuple { packed in
            if keepingStored, isStored(packed, &kinds) {
                counts.existing += 1
                return
            }
            let effect =
                packed.isPlain
                ? put(packed.view, Graph.numbers(packed, &kinds, self), .none) : put(Graph.unpack(packed))
            switch effect {
            case .created: counts.created += 1
            case .touched, .unchanged, .removed: counts.existing += 1
            case .expired: break
            }
        }
        return counts
    }

    private func isStored(_ packed: PackedTuple, _ kinds: inout KindNumbers) -> Bool {
        guard packed.isPlain else { return stored(Graph.unpack(packed)) != nil }
        return isStored(packed.view, Graph.numbers(packed, &kinds, self))
    }

    private static func numbers(_ packed: PackedTuple, _ kinds: inout KindNumbers, _ graph: Graph) -> TupleNumbers {
        guard let numbers = try? kinds.find(packed, in: graph) else {
            preconditionFailure("a tuple of a batch was written without validation")
        }
        return numbers
    }

    private static func unpack(_ packed: PackedTuple) -> RelationTuple {
        guard let tuple = try? packed.unpack() else {
            preconditionFailure("a tuple of a batch was used before its shape was checked")
        }
        return tuple
    }
}
