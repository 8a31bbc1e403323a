// Pemba: the only source of randomness of the cores.
// SPDX-License-Identifier: Apache-2.0

/// A seeded generator (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
///
/// Equal seeds give equal sequences on every machine and in every build. Not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts the sequence of `seed`.
    public init(seed: UInt64) { state = seed }

    /// Where the sequence is: the seed of what follows.
    public var position: UInt64 { state }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return SeededRandom.mix(state)
    }

    /// A number in `0..<bound`, by multiplication (Lemire 2019, without the rejection: bias is below `bound / 2^64`).
    public mutating func below(_ bound: UInt64) -> UInt64 {
        precondition(bound > 0, "a random number below 0 was asked for")
        return next().multipliedFullWidth(by: bound).high
    }

    /// A number in `0..<bound`.
    public mutating func below(_ bound: Int) -> Int { Int(below(UInt64(bound))) }

    /// True with probability `numerator / denominator`.
    public mutating func chance(_ numerator: UInt64, in denominator: UInt64) -> Bool { below(denominator) < numerator }

    /// A generator whose sequence is independent of this one's further use.
    public mutating func split() -> SeededRandom { SeededRandom(seed: next()) }

    /// The finaliser of SplitMix64: a bijection whose every output bit depends on every input bit.
    public static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
