// Pemba: the identity of a cluster.
// SPDX-License-Identifier: Apache-2.0

/// 128 random bits that name a cluster; every data folder, certificate, peer handshake and zookie carries them.
public struct ClusterID: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes, most significant first.
    public let high: UInt64
    /// The last eight bytes, most significant first.
    public let low: UInt64

    /// Makes an identity of two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 32 hexadecimal digits that `description` writes; nil for anything else.
    public init?(_ text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 32 else { return nil }
        var halves: [UInt64] = [0, 0]
        for (position, digit) in digits.enumerated() {
            let value: UInt64
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
            halves[position / 16] = halves[position / 16] << 4 | value
        }
        self.init(high: halves[0], low: halves[1])
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String { ClusterID.hexadecimal(high) + ClusterID.hexadecimal(low) }

    /// The first 32 bits: what a zookie has room for.
    public var prefix: UInt32 { UInt32(truncatingIfNeeded: high >> 32) }

    private static func hexadecimal(_ half: UInt64) -> String {
        let digits = String(half, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
