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
    }

    private var conditions: [Condition?] = [nil]
    private var free: [UInt32] = []
    private var numbers: [CaveatReference: UInt32] = [:]

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
        let number = free.popLast() ?? UInt32(conditions.count)
        if Int(number) == conditions.count { conditions.append(condition) } else { conditions[Int(number)] = condition }
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
            conditions[Int(number)] = nil
            numbers[condition.reference] = nil
            free.append(number)
        }
    }

    /// Makes the numbers of the caveats and the values of all conditions anew for another schema, which has the caveats
    /// of all that tuples carry.
    ///
    /// A caveat that only the history remembers may be gone, and may come back under another number.
    mutating func relink(_ linked: LinkedSchema) {
        var caveats: [String: UInt32] = [:]
        for (number, caveat) in linked.caveats.enumerated() where number > 0 { caveats[caveat.name] = UInt32(number) }
        for number in conditions.indices {
            guard let name = conditions[number]?.reference.name else { continue }
            conditions[number]?.caveat = caveats[name] ?? 0
            conditions[number]?.relink(linked)
        }
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
