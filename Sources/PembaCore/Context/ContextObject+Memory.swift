// Pemba: how much memory contexts take.
// SPDX-License-Identifier: Apache-2.0

extension ContextObject {
    /// About how many bytes of memory it takes: for bounds on what is kept, not to the byte.
    ///
    /// It is never less than its JSON has bytes.
    package var memoryBytes: Int {
        entries.reduce(32) { $0 + 48 + $1.key.utf8.count + $1.value.memoryBytes }
    }
}

extension ContextValue {
    /// What a value takes beside its place in what holds it.
    fileprivate var memoryBytes: Int {
        switch self {
        case .null, .bool, .int, .double: 32
        case .string(let text): 64 + text.utf8.count
        case .list(let values): values.reduce(64) { $0 + 8 + $1.memoryBytes }
        case .object(let object): 32 + object.memoryBytes
        }
    }
}
