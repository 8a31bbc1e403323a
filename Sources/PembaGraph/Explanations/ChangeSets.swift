// Pemba: sets of changes, the smallest first.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Alternative sets of changes, each of which brings something about: the smallest, none a superset of another, at most
/// `Limits.suggestionsPerPart`, each of at most `Limits.changesPerSuggestion` changes.
///
/// Changes are numbers that are given out in an order that is the same on every node; of two sets of one size the one
/// with the lower numbers comes first.
struct ChangeSets: Equatable {
    let sets: [[Int]]

    /// There is no way.
    static let never = ChangeSets(sets: [])
    /// Nothing needs to be changed.
    static let nothing = ChangeSets(sets: [[]])

    private init(sets: [[Int]]) { self.sets = sets }

    /// One change.
    init(_ change: Int) { sets = [[change]] }

    /// Any of both.
    func or(_ other: ChangeSets) -> ChangeSets {
        if sets.isEmpty || other.sets.first?.isEmpty == true { return other }
        if other.sets.isEmpty || sets.first?.isEmpty == true { return self }
        return ChangeSets.smallest(sets + other.sets)
    }

    /// One of each.
    func and(_ other: ChangeSets) -> ChangeSets {
        if self == .nothing { return other }
        if other == .nothing { return self }
        var both: [[Int]] = []
        for left in sets {
            for right in other.sets {
                let set = ChangeSets.merge(left, right)
                if set.count <= Limits.changesPerSuggestion { both.append(set) }
            }
        }
        return ChangeSets.smallest(both)
    }

    private static func merge(_ left: [Int], _ right: [Int]) -> [Int] {
        var result: [Int] = []
        var places = (left: 0, right: 0)
        while places.left < left.count || places.right < right.count {
            let ours = places.left < left.count ? left[places.left] : Int.max
            let theirs = places.right < right.count ? right[places.right] : Int.max
            result.append(min(ours, theirs))
            if ours <= theirs { places.left += 1 }
            if theirs <= ours { places.right += 1 }
        }
        return result
    }

    private static func smallest(_ sets: [[Int]]) -> ChangeSets {
        let sorted = sets.sorted { $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count < $1.count }
        var kept: [[Int]] = []
        for set in sorted where !kept.contains(where: { isSubset($0, of: set) }) {
            kept.append(set)
            if kept.count == Limits.suggestionsPerPart { break }
        }
        return ChangeSets(sets: kept)
    }

    /// Whether all of a sorted set are in another one.
    static func isSubset(_ small: [Int], of large: [Int]) -> Bool {
        var place = 0
        for change in small {
            while place < large.count, large[place] < change { place += 1 }
            guard place < large.count, large[place] == change else { return false }
            place += 1
        }
        return true
    }
}
