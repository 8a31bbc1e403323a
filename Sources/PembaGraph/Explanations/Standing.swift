// Pemba: what is settled about a part of a check.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// What is settled about a sub-problem or a part of an expression: of what is certain and of what is possible
/// (`EvaluationState+Run`), whether it holds or does not.
///
/// Of what is defined through its own exclusion neither is settled; for a check that is a denial, yet nothing may be
/// concluded from it.
struct Standing: OptionSet {
    let rawValue: UInt8

    /// It certainly holds.
    static let certain = Standing(rawValue: 1)
    /// It holds if what is missing says so.
    static let possible = Standing(rawValue: 2)
    /// It does not hold for certain.
    static let uncertain = Standing(rawValue: 4)
    /// It does not hold whatever is missing.
    static let impossible = Standing(rawValue: 8)

    static let yes: Standing = [.certain, .possible]
    static let no: Standing = [.uncertain, .impossible]

    private static let holds: Standing = yes

    init(rawValue: UInt8) { self.rawValue = rawValue }

    init(_ truth: Truth) {
        switch truth {
        case .no: self = .no
        case .maybe: self = [.possible, .uncertain]
        case .yes: self = .yes
        }
    }

    /// Both.
    func and(_ other: Standing) -> Standing {
        intersection(other).intersection(.holds).union(union(other).intersection(.no))
    }

    /// Either.
    func or(_ other: Standing) -> Standing {
        union(other).intersection(.holds).union(intersection(other).intersection(.no))
    }

    /// Not this: what is certain of it is what is impossible of this.
    var negated: Standing {
        var result: Standing = []
        if contains(.certain) { result.insert(.impossible) }
        if contains(.possible) { result.insert(.uncertain) }
        if contains(.uncertain) { result.insert(.possible) }
        if contains(.impossible) { result.insert(.certain) }
        return result
    }

    /// The answer of a check.
    var permissionship: Permissionship {
        if contains(.certain) { return .hasPermission }
        return contains(.possible) ? .conditional : .noPermission
    }

    /// Whether it is a denial because no stage settles it.
    var isSelfExclusion: Bool { !contains(.possible) && !isSuperset(of: .no) }
}

extension Inquiry {
    /// What is settled about a node of an entity.
    func standing(_ entity: UInt32, _ node: UInt32) throws(GraphError) -> Standing {
        if try ask(entity, node, possible: false) { return .yes }
        let isUndefined = state.pointee.network?.isUndefined ?? false
        guard state.pointee.hasMetMaybe else { return isUndefined ? [] : .no }
        var standing: Standing = isUndefined ? [] : .uncertain
        if try ask(entity, node, possible: true) {
            standing.insert(.possible)
        } else if state.pointee.network?.isUndefined != true {
            standing.insert(.impossible)
        }
        return standing
    }
}
