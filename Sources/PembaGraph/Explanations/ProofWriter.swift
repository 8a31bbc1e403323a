// Pemba: proofs and denials as trees.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaService

/// Writes down why a part holds, or what was tried if it does not, each sub-problem once.
///
/// Recursion is bounded by `Limits.explanationDepth`, which counts every step, and the whole by
/// `Limits.explanationNodes`; what lies beyond is marked as truncated.
struct ProofWriter {
    /// What is shown of a part.
    private enum Aim: Hashable {
        case proof(certain: Bool)
        case denial
    }

    private let network: ExplanationNetwork
    private let names: CheckNames
    private let certain: ProofSizes
    private let possible: ProofSizes
    private var shown: Set<Shown> = []
    private var count = 0

    private struct Shown: Hashable {
        var place: Int
        var aim: Aim
    }

    init(_ network: ExplanationNetwork, _ names: CheckNames, order: [Int]) {
        self.network = network
        self.names = names
        certain = ProofSizes(network, order: order, mode: .certain)
        possible = ProofSizes(network, order: order, mode: .possible)
    }

    /// The explanation of the question, whose answer is `decision`.
    mutating func write(_ decision: Decision) -> ProofNode {
        let aim: Aim =
            decision.permissionship == .noPermission
            ? .denial : .proof(certain: decision.permissionship == .hasPermission)
        var node = node(ExplanationNetwork.question, aim, depth: 0)
        node.decision = decision
        return node
    }

    // MARK: Steps

    private mutating func node(_ place: Int, _ aim: Aim, depth: Int) -> ProofNode {
        let part = network.parts[place]
        let reason = reason(place, aim, depth: depth)
        return ProofNode(
            resource: names.object(part.entity),
            permission: part.isProblem ? names.permission(part.node) : "",
            decision: decision(part, reason),
            reason: reason
        )
    }

    private mutating func reason(_ place: Int, _ aim: Aim, depth: Int) -> ProofNode.Reason {
        let part = network.parts[place]
        count += 1
        guard depth < Limits.explanationDepth, count <= Limits.explanationNodes else { return .truncated }
        if part.isProblem, !part.parts.isEmpty, !shown.insert(Shown(place: place, aim: aim)).inserted {
            return .repeated
        }
        switch part.kind {
        case .closed: return .truncated
        case .empty: return .nothing
        case .identity: return .identity
        case .tuple: return tuple(part)
        case .through: return through(part, aim, depth)
        case .permission:
            let expression = part.parts[0]
            if network.parts[expression].isProblem { return .union([node(expression, aim, depth: depth + 1)]) }
            return reason(expression, aim, depth: depth + 1)
        case .relation, .union, .arrow, .intersection, .exclusion, .arrowAll:
            guard case .proof(let certain) = aim else { return denial(part, depth) }
            return proof(part, certain, depth)
        }
    }

    private func tuple(_ part: ExplanationNetwork.Part) -> ProofNode.Reason {
        part.tuple.map { .tuple(names.reader.tuple($0)) } ?? .nothing
    }

    private mutating func through(_ part: ExplanationNetwork.Part, _ aim: Aim, _ depth: Int) -> ProofNode.Reason {
        guard let end = part.tuple else { return .nothing }
        var aim = aim
        // Of a tuple whose condition fails it is still told whom it would lead to.
        if aim == .denial, network.parts[part.parts[1]].standing.contains(.possible) { aim = .proof(certain: false) }
        return .through(names.reader.tuple(end), node(part.parts[1], aim, depth: depth + 1))
    }

    // MARK: Proofs

    private mutating func proof(_ part: ExplanationNetwork.Part, _ isCertain: Bool, _ depth: Int) -> ProofNode.Reason {
        let aim = Aim.proof(certain: isCertain)
        switch part.kind {
        case .intersection:
            return .intersection(nodes(part.parts, aim, depth))
        case .arrowAll:
            return .all(nodes(part.parts, aim, depth) + leftOut(part, part.leavesOutHolding))
        case .exclusion:
            return .exclusion([node(part.parts[0], aim, depth: depth + 1), subtracted(part.parts[1], depth)])
        default:
            guard let chosen = (isCertain ? certain : possible).shortest(part.parts) else { return .truncated }
            if part.kind == .union { return .union([node(chosen, aim, depth: depth + 1)]) }
            return reason(chosen, aim, depth: depth)
        }
    }

    /// What a proof subtracts: nothing, or what is only possible.
    private mutating func subtracted(_ place: Int, _ depth: Int) -> ProofNode {
        let part = network.parts[place]
        if part.standing.contains(.possible) { return node(place, .proof(certain: false), depth: depth + 1) }
        count += 1
        return ProofNode(
            resource: names.object(part.entity),
            permission: part.isProblem ? names.permission(part.node) : "",
            decision: .hasNot,
            reason: .nothing
        )
    }

    private mutating func nodes(_ places: [Int], _ aim: Aim, _ depth: Int) -> [ProofNode] {
        places.map { node($0, aim, depth: depth + 1) }
    }

    private func leftOut(_ part: ExplanationNetwork.Part, _ isLeftOut: Bool) -> [ProofNode] {
        guard isLeftOut else { return [] }
        let decision = Decision(part.standing.permissionship)
        return [ProofNode(resource: names.object(part.entity), permission: "", decision: decision, reason: .truncated)]
    }

    // MARK: Denials

    private mutating func denial(_ part: ExplanationNetwork.Part, _ depth: Int) -> ProofNode.Reason {
        switch part.kind {
        case .intersection, .arrowAll:
            guard let first = part.parts.first(where: { !network.parts[$0].standing.contains(.possible) }) else {
                guard part.parts.isEmpty else { return .truncated }
                return part.idle.isEmpty ? .nothing : .all(nodes(part.idle, .denial, depth))
            }
            let node = node(first, .denial, depth: depth + 1)
            return part.kind == .arrowAll ? .all([node]) : .intersection([node])
        case .exclusion:
            guard network.parts[part.parts[0]].standing.contains(.possible) else {
                return .exclusion([node(part.parts[0], .denial, depth: depth + 1)])
            }
            let isSettled = network.parts[part.parts[1]].standing.contains(.certain)
            return .exclusion([
                node(part.parts[0], .proof(certain: false), depth: depth + 1),
                node(part.parts[1], isSettled ? .proof(certain: true) : .denial, depth: depth + 1),
            ])
        default:
            let isLeftOut = part.leavesOutFailing || part.leavesOutHolding
            guard !part.parts.isEmpty else { return .nothing }
            return .union(nodes(part.parts, .denial, depth) + leftOut(part, isLeftOut))
        }
    }

    // MARK: Decisions

    /// The answer of a step, with the context that it lacks as far as it is shown.
    private func decision(_ part: ExplanationNetwork.Part, _ reason: ProofNode.Reason) -> Decision {
        guard part.standing.permissionship == .conditional else { return Decision(part.standing.permissionship) }
        var missing: Set<String> = []
        switch reason {
        case .tuple: missing.formUnion(self.missing(part))
        case .through(_, let node):
            missing.formUnion(self.missing(part))
            missing.formUnion(node.decision.missingContext)
        case .union(let nodes), .intersection(let nodes), .exclusion(let nodes), .all(let nodes):
            for node in nodes { missing.formUnion(node.decision.missingContext) }
        case .identity, .nothing, .repeated, .truncated: break
        }
        // A relation stands for the tuple that it was shown with.
        if part.kind == .relation, let chosen = possible.shortest(part.parts) {
            missing.formUnion(self.missing(network.parts[chosen]))
        }
        return Decision(.conditional, missingContext: missing.sorted { $0.precedesByBytes($1) })
    }

    /// What the condition of a part's tuple lacks.
    private func missing(_ part: ExplanationNetwork.Part) -> [String] {
        guard let end = part.tuple, RowEntry.hasTraits(end.entry) else { return [] }
        let condition = names.reader.traits(end).condition
        return condition == 0 ? [] : network.inquiry.scope.verdict(condition).missing
    }
}
