// Pemba: which context a conditional answer lacks.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

extension Inquiry {
    /// The names of the context on which a conditional answer depends, sorted: those of every condition that is not
    /// absorbed by something that is certain.
    func missing(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> [String] {
        var search = MissingSearch()
        search.visit(entity, node)
        while let (entity, node) = search.pending.popLast() { try collect(entity, node, into: &search) }
        return search.names.sorted { $0.precedesByBytes($1) }
    }

    private func collect(_ entity: UInt32, _ node: UInt32, into search: inout MissingSearch) throws(GraphError) {
        let linked = view.nodes[Int(node)]
        if linked.kind == .relation {
            for entry in directEntries(entity, linked) where truth(entity, entry: entry) == .maybe {
                try add(entity, entry, to: &search)
            }
        }
        try collect(entity, op: linked.op, into: &search)
    }

    /// Goes through the parts of an expression that are neither certain nor impossible.
    private func collect(_ entity: UInt32, op place: UInt32, into search: inout MissingSearch) throws(GraphError) {
        let op = view.ops[Int(place)]
        switch op.kind {
        case .empty, .itself: return
        case .computed: try follow((entity, op.first), into: &search)
        case .usersets, .arrowAny, .arrowAll:
            var found = search
            try forEachEntry(entity, op) { entry, child throws(GraphError) in
                guard min(entry.truth, try truth(of: child)) == .maybe else { return true }
                if entry.truth == .maybe { try add(entity, entry.entry, to: &found) }
                try follow(child, into: &found)
                return true
            }
            search = found
        case .union, .intersection, .exclusion:
            for operand in operands(op) where try truth(entity, op: operand) == .maybe {
                try collect(entity, op: operand, into: &search)
            }
        }
    }

    private func follow(_ child: Child, into search: inout MissingSearch) throws(GraphError) {
        guard let child, try truth(child.entity, child.node) == .maybe else { return }
        search.visit(child.entity, child.node)
    }

    /// Adds what a tuple's condition lacks.
    private func add(_ entity: UInt32, _ entry: UInt64, to search: inout MissingSearch) throws(GraphError) {
        let number = scope.traits(TupleKey(entity, entry)).condition
        let verdict = scope.verdict(number)
        if let failure = verdict.failure {
            throw .conditionFailed(
                caveat: graph.conditions[number].reference.name,
                reason: failure.description
            )
        }
        if let invalid = scope.invalidContext { throw .invalidContext(invalid.description) }
        search.names.formUnion(verdict.missing)
    }
}

/// Where a search for missing context stands.
private struct MissingSearch {
    var pending: [(entity: UInt32, node: UInt32)] = []
    var names: Set<String> = []
    private var visited: Set<UInt64> = []

    mutating func visit(_ entity: UInt32, _ node: UInt32) {
        guard visited.insert(CheckMemo.key(entity, node, isPossible: true)).inserted else { return }
        pending.append((entity, node))
    }
}
