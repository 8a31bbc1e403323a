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

    /// Ascending by index and never empty; the first is in force at the log's base.
    private(set) var items: [Item]

    /// Starts with the configuration at a snapshot.
    init(index: LogIndex, configuration: RaftConfiguration) {
        items = [Item(index: index, configuration: configuration)]
    }

    /// The one in force: the last in the log, committed or not.
    var current: Item { items[items.count - 1] }

    /// The entry that brought the one in force.
    var currentIndex: LogIndex { items[items.count - 1].index }

    /// Whether `configuration` is the one in force; asked after every step, and copies nothing.
    package func isInForce(_ configuration: RaftConfiguration) -> Bool {
        items[items.count - 1].configuration == configuration
    }

    /// Puts the next one in force.
    mutating func append(_ configuration: RaftConfiguration, at index: LogIndex) {
        precondition(index > current.index, "configurations come in the log's order")
        items.append(Item(index: index, configuration: configuration))
    }

    /// Restores the one in force at `index` when the entries after it are removed.
    mutating func truncate(after index: LogIndex) {
        while items.count > 1, current.index > index, !planted("keeps-truncated-members") { items.removeLast() }
    }

    /// Forgets those before the one in force at `index`.
    mutating func compact(upTo index: LogIndex) {
        while items.count > 1, items[1].index <= index { items.removeFirst() }
    }

    /// Whether `holds` of the one in force, or of an earlier one that is not known to be superseded as only what is up to
    /// `commit` is known to be committed: the others may go with their entries.
    func mayBeInForce(after commit: LogIndex, where holds: (RaftConfiguration) -> Bool) -> Bool {
        for item in items.reversed() {
            if holds(item.configuration) { return true }
            if item.index <= commit { return false }
        }
        return false
    }

    /// The one that was in force at `index`.
    func item(at index: LogIndex) -> Item {
        var found = items[0]
        for item in items where item.index <= index { found = item }
        return found
    }
}
