// Pemba: the conditions of stored tuples.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// The caveats with stored contexts that tuples carry, each kept once however many tuples carry it.
///
/// A condition is forgotten with the last that holds it: a tuple, a change in the history, or an overlay.
struct ConditionStore {
    /// One condition.
    struct Condition {
        /// The caveat and the stored context.
        let reference: CaveatReference
        /// The number of the caveat in the present schema; 0 if it has gone, and only the past knows it.
        var caveat: UInt32
        /// The stored context by the parameters of the caveat as the present schema has them.
        var arguments: ConditionArguments?
        /// How many hold it.
        var holders: Int
        /// The condition of the same caveat that came before this one, and the one after it; 0 for none.
        fileprivate var older: UInt32 = 0
        fileprivate var newer: UInt32 = 0
    }

    private var conditions: [Condition?] = [nil]
    private var free: [UInt32] = []
    private var numbers: [CaveatReference: UInt32] = [:]
    /// The newest condition of each caveat, by its name: where the list of all of them begins.
    private var newest: [String: UInt32] = [:]

    /// How many conditions there are.
    var count: Int { numbers.count }

    /// A condition by its number.
    subscript(number: UInt32) -> Condition {
        guard let condition = conditions[Int(number)] else { preconditionFailure("a condition that nobody holds") }
        return condition
    }

    /// Holds a condition, which is valid in some schema; `linked` is the present one.
    mutating func hold(_ reference: CaveatReference, _ linked: LinkedSchema) -> UInt32 {
        if let known = numbers[reference] {
            conditions[Int(known)]?.holders += 1
            return known
        }
        var condition = Condition(reference: reference, caveat: linked.caveat(named: reference.name), holders: 1)
        condition.relink(linked)
        condition.older = newest[reference.name] ?? 0
        let number = free.popLast() ?? UInt32(conditions.count)
        if Int(number) == conditions.count { conditions.append(condition) } else { conditions[Int(number)] = condition }
        conditions[Int(condition.older)]?.newer = number
        newest[reference.name] = number
        numbers[reference] = number
        return number
    }

    /// Holds a condition that is there once more; 0 is none.
    mutating func hold(_ number: UInt32) {
        if number != 0 { conditions[Int(number)]?.holders += 1 }
    }

    /// Lets a condition go; 0 is none.
    mutating func release(_ number: UInt32) {
        guard number != 0, let condition = conditions[Int(number)] else { return }
        if condition.holders > 1 {
            conditions[Int(number)]?.holders -= 1
        } else {
            unlink(condition)
            conditions[Int(number)] = nil
            numbers[condition.reference] = nil
            free.append(number)
        }
    }

    /// Takes a condition out of the list of its caveat.
    private mutating func unlink(_ condition: Condition) {
        conditions[Int(condition.older)]?.newer = condition.newer
        if condition.newer != 0 {
            conditions[Int(condition.newer)]?.older = condition.older
        } else {
            newest[condition.reference.name] = condition.older == 0 ? nil : condition.older
        }
    }

    /// Makes the numbers and values of conditions anew for another schema, which has the caveats of all that tuples
    /// carry; how many that were.
    ///
    /// A caveat that only the history remembers may be gone, and may come back under another number. Conditions of a
    /// caveat that has its number and parameters in both schemas stay as they are, however many there are.
    @discardableResult
    mutating func relink(from old: LinkedSchema, to new: LinkedSchema) -> Int {
        var changed = 0
        for (number, caveat) in old.caveats.enumerated()
        where !caveat.name.isEmpty && !new.names(caveat: number, caveat.name) {
            changed += relink(caveat.name, number: 0, new)
        }
        for (number, caveat) in new.caveats.enumerated()
        where !caveat.name.isEmpty && !old.hasCaveat(number, like: new) {
            changed += relink(caveat.name, number: UInt32(number), new)
        }
        return changed
    }

    /// Makes the conditions of one caveat anew; how many there are.
    private mutating func relink(_ name: String, number: UInt32, _ linked: LinkedSchema) -> Int {
        var changed = 0
        var place = newest[name] ?? 0
        while let condition = conditions[Int(place)] {
            conditions[Int(place)]?.caveat = number
            conditions[Int(place)]?.relink(linked)
            changed += 1
            place = condition.older
        }
        return changed
    }
}

extension LinkedSchema {
    /// Whether a caveat has this number; one that stays keeps its number.
    fileprivate func names(caveat number: Int, _ name: String) -> Bool {
        number < caveats.count && caveats[number].name.hasSameBytes(as: name)
    }

    /// Whether a caveat of `other` has this number, this name and these parameters here as well.
    fileprivate func hasCaveat(_ number: Int, like other: LinkedSchema) -> Bool {
        names(caveat: number, other.caveats[number].name)
            && compiledCaveat(UInt32(number)).parameters == other.compiledCaveat(UInt32(number)).parameters
    }
}

extension ConditionStore.Condition {
    /// Makes the values anew by the parameters that the caveat has in a schema.
    fileprivate mutating func relink(_ linked: LinkedSchema) {
        guard caveat != 0 else {
            arguments = nil
            return
        }
        let parameters = linked.compiledCaveat(caveat).parameters
        arguments = try? ConditionArguments.convert(reference.context, parameters: parameters, unknownKeys: .ignore)
    }
}
