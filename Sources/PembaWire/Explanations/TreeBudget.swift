// Pemba: how large a tree that somebody else wrote may be.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// What is left of the nodes and levels that a tree may have while it is read.
struct TreeBudget {
    private var nodes = Limits.explanationNodes
    private var depth = 0

    /// Reads the children of a node with `body`, one level deeper.
    mutating func descend<Value>(
        _ body: (inout TreeBudget) throws(ByteError) -> Value
    ) throws(ByteError) -> Value {
        guard depth < Limits.explanationDepth else {
            throw .exceedsLimit(value: UInt64(depth + 1), limit: UInt64(Limits.explanationDepth))
        }
        depth += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    /// Counts a node.
    mutating func take() throws(ByteError) {
        guard nodes > 0 else {
            let limit = UInt64(Limits.explanationNodes)
            throw .exceedsLimit(value: limit + 1, limit: limit)
        }
        nodes -= 1
    }
}
