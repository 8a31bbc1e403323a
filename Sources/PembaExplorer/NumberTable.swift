// Pemba: numbers by number.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// A table from numbers to small numbers, for the innermost loop of an exploration.
struct NumberTable {
    private var keys: [UInt64] = Array(repeating: .max, count: 1 << 12)
    private var values: [Int32] = Array(repeating: 0, count: 1 << 12)
    private(set) var count = 0

    /// The bytes that it takes.
    var byteCount: Int { keys.count * 12 }

    /// The value of a key, which is less than the greatest number there is; entries are never taken out.
    subscript(key: UInt64) -> Int? {
        get {
            let place = place(of: key, in: keys)
            return keys[place] == key ? Int(values[place]) : nil
        }
        set {
            guard let newValue else { return }
            let place = place(of: key, in: keys)
            if keys[place] != key { count += 1 }
            keys[place] = key
            values[place] = Int32(newValue)
            if count * 2 > keys.count { grow() }
        }
    }

    /// Where a key is, or where it belongs.
    private func place(of key: UInt64, in keys: [UInt64]) -> Int {
        var place = Int(SeededRandom.mix(key) & UInt64(keys.count - 1))
        while keys[place] != key, keys[place] != .max { place = (place + 1) & (keys.count - 1) }
        return place
    }

    private mutating func grow() {
        var largerKeys: [UInt64] = Array(repeating: .max, count: keys.count * 2)
        var largerValues: [Int32] = Array(repeating: 0, count: keys.count * 2)
        for place in keys.indices where keys[place] != .max {
            let target = self.place(of: keys[place], in: largerKeys)
            largerKeys[target] = keys[place]
            largerValues[target] = values[place]
        }
        keys = largerKeys
        values = largerValues
    }
}
