// Pemba: the context of conditions: a JSON object.
// SPDX-License-Identifier: Apache-2.0

/// A JSON object: what a tuple stores for its caveat, and what a request brings along.
public struct ContextObject: Hashable, Sendable {
    /// One member of the object.
    public struct Entry: Hashable, Sendable {
        /// Its name.
        public let key: String
        /// Its value.
        public let value: ContextValue

        /// Makes a member of its parts.
        public init(key: String, value: ContextValue) {
            self.key = key
            self.value = value
        }

        /// Compares names by their bytes.
        public static func == (left: Entry, right: Entry) -> Bool {
            left.key.hasSameBytes(as: right.key) && left.value == right.value
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            key.hashBytes(into: &hasher)
            hasher.combine(value)
        }
    }

    /// The members, by the bytes of their names; no name occurs twice.
    public private(set) var entries: [Entry]

    /// The object without members.
    public static let empty = ContextObject([])

    /// Makes an object of members with different names, in any order.
    public init(_ pairs: some Sequence<(String, ContextValue)>) {
        let sorted = ContextObject(sorting: pairs.map { Entry(key: $0.0, value: $0.1) })
        precondition(sorted.firstDuplicate == nil, "an object was made with one name twice")
        self = sorted
    }

    /// Sorts members whose names may occur twice, which `firstDuplicate` finds.
    init(sorting entries: [Entry]) { self.entries = entries.sorted { $0.key.precedesByBytes($1.key) } }

    /// A name that occurs twice.
    var firstDuplicate: String? {
        zip(entries, entries.dropFirst()).first { $0.key.hasSameBytes(as: $1.key) }?.0.key
    }

    /// Whether it has no members.
    public var isEmpty: Bool { entries.isEmpty }

    /// The value of a member; nil if there is none of that name.
    public subscript(key: String) -> ContextValue? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key.precedesByBytes(key) { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].key.hasSameBytes(as: key) ? entries[low].value : nil
    }
}
