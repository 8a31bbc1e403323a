// Pemba: the configurations that a log holds.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Every configuration from the log's base on, so that truncation restores the one before.
package struct ConfigurationHistory: Sendable {
    /// A configuration and the entry that brought it.
    struct Item: Sendable, Hashable {
        var index: LogIndex
        var configuration: RaftConfiguration
    }

    /// The one in force: the last in the log, committed or not.
    ///
    /// Apart from the others, as it is asked for in every step and they are not.
    private(set) var current: Item
    /// Those before it, ascending by index.
    private var earlier: [Item] = []

    /// Starts with the configuration at a snapshot.
    init(index: LogIndex, configuration: RaftConfiguration) {
        current = Item(index: index, configuration: configuration)
    }

    /// All of them, ascending by index.
    var items: [Item] { earlier + [current] }

    /// The one in force at the log's base.
    var first: Item { earlier.first ?? current }

    /// The entry that brought the one in force.
    var currentIndex: LogIndex { current.index }

    /// Whether `configuration` is the one in force.
    package func isInForce(_ configuration: RaftConfiguration) -> Bool { current.configuration == configuration }

    /// Puts the next one in force.
    mutating func append(_ configuration: RaftConfiguration, at index: LogIndex) {
        precondition(index > current.index, "configurations come in the log's order")
        earlier.append(current)
        current = Item(index: index, configuration: configuration)
    }

    /// Restores the one in force at `index` when the entries after it are removed.
    mutating func truncate(after index: LogIndex) {
        while current.index > index, !planted("keeps-truncated-members"), let before = earlier.popLast() {
            current = before
        }
    }

    /// Forgets those before the one in force at `index`.
    mutating func compact(upTo index: LogIndex) {
        if current.index <= index { earlier = [] }
        while earlier.count > 1, earlier[1].index <= index { earlier.removeFirst() }
    }

    /// Whether `holds` of the one in force, or of an earlier one that is not known to be superseded as only what is up to
    /// `commit` is known to be committed: the others may go with their entries.
    func mayBeInForce(after commit: LogIndex, where holds: (RaftConfiguration) -> Bool) -> Bool {
        if holds(current.configuration) { return true }
        if current.index <= commit { return false }
        for item in earlier.reversed() {
            if holds(item.configuration) { return true }
            if item.index <= commit { return false }
        }
        return false
    }

    /// The one that was in force at `index`.
    func item(at index: LogIndex) -> Item {
        if current.index <= index { return current }
        return earlier.last { $0.index <= index } ?? first
    }
}
