// Pemba: who answers the questions of a validation file.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService

/// One question of a validation file with the answer that is expected.
package enum ValidationQuestion: Equatable, Sendable {
    /// An assertion.
    case check(ExpectedCheck)
    /// The subjects of a relation or permission.
    case relations(ExpectedRelations)
    /// A lookup.
    case lookup(ExpectedLookup)
}

/// What answers the questions of a validation file: this process's graph, or a node of a cluster.
///
/// What one question is refused with is its answer; what is thrown ends the whole run.
protocol AnswerSource {
    /// What messages call it; nil where there is nothing else.
    var name: String? { get }

    func decision(on item: CheckItem) async throws -> Result<Decision, ToolError>

    func expansion(of resource: ObjectReference, _ permission: String) async throws -> Result<ExpandTree, ToolError>

    func resources(
        _ permission: TypePermission,
        for subject: SubjectReference,
        context: ContextObject
    ) async throws -> Result<[FoundResource], ToolError>

    func subjects(
        _ kind: SubjectKind,
        with permission: String,
        on resource: ObjectReference,
        context: ContextObject
    ) async throws -> Result<[FoundSubject], ToolError>
}

extension AnswerSource {
    /// Asks a question and compares the answer with the one that is expected.
    func outcome(of question: ValidationQuestion) async throws -> ValidationOutcome {
        switch question {
        case .check(let expected):
            return ValidationOutcome(expected, try await decision(on: expected.item), by: name)
        case .relations(let expected):
            let tree = try await expansion(of: expected.resource, expected.permission)
            return ValidationOutcome(expected, tree, by: name)
        case .lookup(let expected):
            switch try await listing(of: expected) {
            case .success(let listing):
                return ValidationOutcome(expected, failures: try await differences(expected, listing), by: name)
            case .failure(let error):
                return ValidationOutcome(expected, failures: ["got an error: \(error)"], by: name)
            }
        }
    }

    private func listing(of lookup: ExpectedLookup) async throws -> Result<LookupListing, ToolError> {
        switch lookup.question {
        case .resources(let permission, let subject):
            return try await resources(permission, for: subject, context: lookup.context).map(LookupListing.init)
        case .subjects(let resource, let permission, let kind):
            return try await subjects(kind, with: permission, on: resource, context: lookup.context)
                .map(LookupListing.init)
        }
    }

    /// A sentence for each item that does not stand where it is expected.
    ///
    /// About what its author's lookup and check did not agree on, the check of this source decides. So it does about a
    /// subject that has a tuple with a condition and a wildcard without one: SpiceDB lists the condition.
    private func differences(_ expected: ExpectedLookup, _ found: LookupListing) async throws -> [String] {
        let wanted = LookupListing(expected)
        var disputed = expected.disputed
        if expected.has.contains(SubjectReference.wildcardID) { disputed.formUnion(expected.conditional) }
        var differences = found.repeated.map { "`\($0)` was found twice" }
        for id in wanted.ids.union(found.ids).sorted() where wanted.standing(of: id) != found.standing(of: id) {
            guard id != SubjectReference.wildcardID, disputed.contains(id) else {
                differences.append(
                    "`\(id)`: expected \(wanted.standing(of: id)), found \(found.standing(of: id))"
                )
                continue
            }
            let item = expected.check(of: id)
            switch try await decision(on: item) {
            case .success(let decision) where decision.permissionship == found.permissionship(of: id): continue
            case .success(let decision):
                differences.append("`\(id)`: found \(found.standing(of: id)), but its check says \(decision.text)")
            case .failure(let error): differences.append("`\(id)`: its check got an error: \(error)")
            }
        }
        return differences
    }
}

/// What a lookup lists, whoever did it.
private struct LookupListing {
    /// Where an item stands in the list.
    enum Standing: Equatable, CustomStringConvertible {
        case absent
        case listed(Permissionship)
        case excluded(Permissionship)

        var description: String {
            switch self {
            case .absent: "no such item"
            case .listed(let permissionship): permissionship.word
            case .excluded(let permissionship): "\(permissionship.word) among those excluded from the wildcard"
            }
        }
    }

    private var listed: [String: Permissionship] = [:]
    private var excluded: [String: Permissionship] = [:]
    /// The ids that came more than once.
    private(set) var repeated: [String] = []

    init(_ lookup: ExpectedLookup) {
        for id in lookup.has { listed[id] = .hasPermission }
        for id in lookup.conditional { listed[id] = .conditional }
        excluded = lookup.excluded
    }

    init(_ resources: [FoundResource]) { for item in resources { add(item.id, item.decision) } }

    init(_ subjects: [FoundSubject]) {
        for item in subjects {
            add(item.id, item.decision)
            for exclusion in item.excluded { excluded[exclusion.id] = exclusion.decision.permissionship }
        }
    }

    private mutating func add(_ id: String, _ decision: Decision) {
        if listed.updateValue(decision.permissionship, forKey: id) != nil { repeated.append(id) }
    }

    /// Everything that stands in it.
    var ids: Set<String> { Set(listed.keys).union(excluded.keys) }

    func standing(of id: String) -> Standing {
        listed[id].map { .listed($0) } ?? excluded[id].map { .excluded($0) } ?? .absent
    }

    /// What the list says about a subject, by itself or through the wildcard.
    func permissionship(of id: String) -> Permissionship {
        switch standing(of: id) {
        case .listed(let permissionship): permissionship
        case .excluded(.conditional): .conditional
        case .excluded: .noPermission
        case .absent: listed[SubjectReference.wildcardID] ?? .noPermission
        }
    }
}
