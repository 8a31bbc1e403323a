// Pemba: behind which relations a wildcard stands.
// SPDX-License-Identifier: Apache-2.0

/// Behind which relations a wildcard stands, directly or through subject relations.
///
/// Keyed by definition and relation, and spread backwards from the wildcards: cycles need no care, and the answer
/// depends on no order. A permission holds no subjects of its own and ends the spread.
struct WildcardReach {
    /// The place of a wildcard for each relation that reaches one, by definition and member.
    private var origins: [[Range<Int>?]]

    init(of checker: SchemaChecker) {
        origins = checker.tree.definitions.map { [Range<Int>?](repeating: nil, count: $0.members.count) }
        var referrers: [MemberNumber: [MemberNumber]] = [:]
        var frontier: [MemberNumber] = []
        for (definition, syntax) in checker.tree.definitions.enumerated() {
            for (number, member) in syntax.members.enumerated() {
                guard case .relation(let types) = member.kind else { continue }
                let here = MemberNumber(definition: definition, member: number)
                for type in types {
                    switch type.form {
                    case .object: break
                    case .wildcard:
                        if origins[definition][number] == nil {
                            origins[definition][number] = type.range
                            frontier.append(here)
                        }
                    case .userset(let name):
                        guard let target = checker.definitionNumbers[type.path.text],
                            let subject = checker.memberNumbers[target][name.text]
                        else { continue }
                        referrers[MemberNumber(definition: target, member: subject), default: []].append(here)
                    }
                }
            }
        }
        var next = 0
        while next < frontier.count {
            let reached = frontier[next]
            next += 1
            for referrer in referrers[reached] ?? [] where origins[referrer.definition][referrer.member] == nil {
                origins[referrer.definition][referrer.member] = origins[reached.definition][reached.member]
                frontier.append(referrer)
            }
        }
    }

    /// The place of a wildcard behind a relation, or nil.
    func origin(definition: Int, member: Int) -> Range<Int>? { origins[definition][member] }
}
