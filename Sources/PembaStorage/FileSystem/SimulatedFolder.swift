// Pemba: one folder of the simulated disk, with the names that are durable and those that are not yet.
// SPDX-License-Identifier: Apache-2.0

/// The names in one folder.
///
/// Numbers stand for what they name.
struct SimulatedFolder {
    private enum Change {
        case added(name: String, node: Int)
        case removed(name: String, node: Int)
        case renamed(from: String, to: String, node: Int)
    }

    /// What a process sees.
    private(set) var names: [String: Int] = [:]
    /// What the disk holds.
    private var durable: [String: Int] = [:]
    /// What was done since the last sync, in order.
    private var changes: [Change] = []

    mutating func add(_ name: String, node: Int) {
        names[name] = node
        changes.append(.added(name: name, node: node))
    }

    mutating func remove(_ name: String) {
        guard let node = names.removeValue(forKey: name) else { return }
        changes.append(.removed(name: name, node: node))
    }

    mutating func rename(_ name: String, to newName: String) {
        guard let node = names.removeValue(forKey: name) else { return }
        names[newName] = node
        changes.append(.renamed(from: name, to: newName, node: node))
    }

    mutating func sync() {
        for change in changes { keep(change) }
        changes.removeAll(keepingCapacity: true)
    }

    /// Decides about every change on its own: a later one may be on disk without an earlier one.
    mutating func crash(isDone: () -> Bool) {
        for change in changes where isDone() { keep(change) }
        names = durable
        changes = []
    }

    private mutating func keep(_ change: Change) {
        switch change {
        case .added(let name, let node): durable[name] = node
        case .removed(let name, let node):
            if durable[name] == node { durable[name] = nil }
        case .renamed(let name, let newName, let node):
            if durable[name] == node { durable[name] = nil }
            durable[newName] = node
        }
    }
}
