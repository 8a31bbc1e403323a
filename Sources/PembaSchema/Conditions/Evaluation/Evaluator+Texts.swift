// Pemba: functions of conditions on texts, patterns and addresses.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

extension Evaluator {
    /// `contains`, `startsWith` and `endsWith`, by bytes: two texts that only look alike are different.
    mutating func search(
        _ function: ConditionFunction,
        _ left: ConditionValue,
        _ right: ConditionValue
    ) throws(ConditionError) -> Operand {
        guard case .string(let text) = left, case .string(let part) = right else {
            return noForm(function, left, right)
        }
        switch function {
        case .startsWith:
            try spend(part.utf8.count / ConditionValue.bytesPerStep)
            return .value(.bool(text.utf8.starts(with: part.utf8)))
        case .endsWith:
            try spend(part.utf8.count / ConditionValue.bytesPerStep)
            return .value(.bool(text.utf8.reversed().starts(with: part.utf8.reversed())))
        default:
            try spend((text.utf8.count + part.utf8.count) / ConditionValue.bytesPerStep)
            return .value(.bool(Evaluator.occurs(Array(part.utf8), in: text.utf8)))
        }
    }

    /// Whether `part` occurs in `text`, in linear time (Knuth, Morris and Pratt).
    private static func occurs(_ part: [UInt8], in text: String.UTF8View) -> Bool {
        guard !part.isEmpty else { return true }
        // For each length of a match, the longest shorter one that ends there as well.
        var shorter = [0]
        for place in part.indices.dropFirst() {
            var length = shorter[place - 1]
            while length > 0, part[length] != part[place] { length = shorter[length - 1] }
            shorter.append(part[length] == part[place] ? length + 1 : 0)
        }
        var matched = 0
        for byte in text {
            while matched > 0, part[matched] != byte { matched = shorter[matched - 1] }
            if part[matched] == byte { matched += 1 }
            if matched == part.count { return true }
        }
        return false
    }

    /// Whether a pattern that is no constant occurs in a text.
    mutating func matches(_ left: ConditionValue, _ right: ConditionValue) throws(ConditionError) -> Operand {
        guard case .string(let text) = left, case .string(let source) = right else {
            return noForm(.matches, left, right)
        }
        let pattern: RegularExpression
        do {
            pattern = try RegularExpression(source)
        } catch {
            return .failed(.pattern(error.description))
        }
        // Making the machine is work as well.
        try spend(pattern.size)
        return try matches(text, pattern)
    }

    /// Whether a pattern occurs in a text, which takes a step for each instruction at each place at the most.
    mutating func matches(_ text: String, _ pattern: RegularExpression) throws(ConditionError) -> Operand {
        try spend(pattern.size * (text.utf8.count + 1) / ConditionValue.bytesPerStep)
        return .value(.bool(pattern.occurs(in: text)))
    }

    func inCIDR(_ left: ConditionValue, _ right: ConditionValue) -> Operand {
        guard case .ipAddress(let address) = left, case .string(let text) = right else {
            return noForm(.inCIDR, left, right)
        }
        guard let block = CIDRBlock(text) else { return .failed(.block(text)) }
        return .value(.bool(block.contains(address)))
    }
}
