// Pemba: the subjects that an expansion comes to.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaService

/// The subjects that an expansion comes to, as the `validation` of a validation file lists them: each object, userset
/// and wildcard that a tuple names, with the relations of those tuples, and whether a caveat stands between.
///
/// Contexts are not looked at: whatever carries a caveat is caveated.
package struct SubjectSet {
    /// What is known of one subject.
    private struct Member {
        var isCaveated: Bool
        var relations: Set<String>
        /// Of a wildcard, whom it does not stand for, with whether under a caveat only.
        var excluded: [SubjectReference: Bool] = [:]
    }

    private var members: [SubjectReference: Member] = [:]

    /// The subjects in the order of their text, as a validation file would list them.
    package var subjects: [ExpectedSubject] {
        members.map { subject, member in
            ExpectedSubject(
                subject: subject,
                isCaveated: member.isCaveated,
                excluded: member.excluded
                    .map { ExpectedSubject.Exclusion(subject: $0.key, isCaveated: $0.value) }
                    .sorted { "\($0.subject)" < "\($1.subject)" },
                relations: member.relations.sorted()
            )
        }.sorted { $0.text < $1.text }
    }

    /// The subjects of a recursive expansion.
    package init(of tree: ExpandTree) {
        var expansions = Expansions()
        expansions.collect(tree)
        self = expansions.set(of: tree)
    }

    fileprivate init() {}

    // MARK: - Algebra

    fileprivate static func single(_ subject: SubjectReference, isCaveated: Bool, relation: String) -> SubjectSet {
        var set = SubjectSet()
        set.members[subject] = Member(isCaveated: isCaveated, relations: [relation])
        return set
    }

    /// Every member under one more caveat.
    fileprivate func caveated() -> SubjectSet {
        var set = self
        for subject in members.keys { set.members[subject]?.isCaveated = true }
        return set
    }

    fileprivate func union(_ other: SubjectSet) -> SubjectSet {
        var set = self
        for (subject, member) in other.members {
            guard let mine = set.members[subject] else {
                set.members[subject] = member
                continue
            }
            set.members[subject] = Member(
                isCaveated: mine.isCaveated && member.isCaveated,
                relations: mine.relations.union(member.relations),
                // Excluded is who is excluded from both.
                excluded: mine.excluded.filter { member.excluded[$0.key] != nil }
                    .reduce(into: [:]) { $0[$1.key] = $1.value || member.excluded[$1.key] ?? false }
            )
        }
        return set
    }

    /// The wildcard that covers `subject`, and whether only under a caveat; nil if none does.
    private func cover(_ subject: SubjectReference) -> Bool? {
        guard !subject.isWildcard, subject.relation == nil else { return nil }
        let wildcard = SubjectReference(type: subject.object.type, id: SubjectReference.wildcardID)
        guard let member = members[wildcard] else { return nil }
        guard let isCaveated = member.excluded[subject] else { return member.isCaveated }
        return isCaveated ? true : nil
    }

    fileprivate func intersection(_ other: SubjectSet) -> SubjectSet {
        var set = SubjectSet()
        for (subject, member) in members {
            if let theirs = other.members[subject] {
                set.members[subject] = Member(
                    isCaveated: member.isCaveated || theirs.isCaveated,
                    relations: member.relations.union(theirs.relations),
                    excluded: member.excluded.merging(theirs.excluded) { $0 && $1 }
                )
            } else if let isCaveated = other.cover(subject) {
                var member = member
                member.isCaveated = member.isCaveated || isCaveated
                set.members[subject] = member
            }
        }
        for (subject, member) in other.members where members[subject] == nil {
            guard let isCaveated = cover(subject) else { continue }
            var member = member
            member.isCaveated = member.isCaveated || isCaveated
            set.members[subject] = member
        }
        return set
    }

    fileprivate func subtracting(_ other: SubjectSet) -> SubjectSet {
        var set = SubjectSet()
        for (subject, var member) in members {
            // Under a caveat they may keep it; for certain they lose it.
            let removals = [other.members[subject].map(\.isCaveated), other.cover(subject)].compactMap(\.self)
            if subject.isWildcard {
                for (removed, theirs) in other.members where removed.relation == nil && !removed.isWildcard {
                    guard removed.object.type.hasSameBytes(as: subject.object.type) else { continue }
                    if member.excluded[removed] != false { member.excluded[removed] = theirs.isCaveated }
                }
                if let theirs = other.members[subject] {
                    // Who is excluded from what is taken away stays.
                    for (kept, isCaveated) in theirs.excluded where member.excluded[kept] != false {
                        set.members[kept] = Member(
                            isCaveated: member.isCaveated || isCaveated,
                            relations: member.relations
                        )
                    }
                }
            }
            guard !removals.contains(false) else { continue }
            member.isCaveated = member.isCaveated || !removals.isEmpty
            set.members[subject] = member
        }
        return set
    }
}

/// The nodes of an expansion by what they expand, for nodes that refer to one another.
private struct Expansions {
    private var trees: [String: ExpandTree] = [:]
    /// What is being evaluated: a cycle adds nothing to itself.
    private var underWay: Set<String> = []

    private static func name(of tree: ExpandTree) -> String? {
        tree.permission.isEmpty ? nil : "\(tree.resource)#\(tree.permission)"
    }

    mutating func collect(_ tree: ExpandTree) {
        if let name = Expansions.name(of: tree), tree.content != .repeated, trees[name] == nil { trees[name] = tree }
        switch tree.content {
        case .leaf(let leaves): for leaf in leaves { if let expansion = leaf.expansion { collect(expansion) } }
        case .union(let parts), .intersection(let parts), .exclusion(let parts), .all(let parts):
            for part in parts { collect(part) }
        case .empty, .itself, .repeated, .truncated: break
        }
    }

    mutating func set(of tree: ExpandTree) -> SubjectSet {
        let name = Expansions.name(of: tree)
        if case .repeated = tree.content {
            guard let name, let whole = trees[name], !underWay.contains(name) else { return SubjectSet() }
            return set(of: whole)
        }
        if let name { underWay.insert(name) }
        defer { if let name { underWay.remove(name) } }
        switch tree.content {
        case .leaf(let leaves): return leaves.reduce(SubjectSet()) { $0.union(set(of: $1)) }
        case .union(let parts): return parts.reduce(SubjectSet()) { $0.union(set(of: $1)) }
        case .intersection(let parts), .all(let parts):
            let sets = parts.map { set(of: $0) }
            return sets.dropFirst().reduce(sets.first ?? SubjectSet()) { $0.intersection($1) }
        case .exclusion(let parts):
            let sets = parts.map { set(of: $0) }
            return sets.dropFirst().reduce(sets.first ?? SubjectSet()) { $0.subtracting($1) }
        case .itself:
            let subject = SubjectReference(object: tree.resource)
            return .single(subject, isCaveated: false, relation: "\(tree.resource)#self")
        case .empty, .repeated, .truncated: return SubjectSet()
        }
    }

    private mutating func set(of leaf: ExpandTree.Leaf) -> SubjectSet {
        let tuple = leaf.tuple
        let inner = leaf.expansion.map { set(of: $0) } ?? SubjectSet()
        let below = tuple.caveat == nil ? inner : inner.caveated()
        // What an arrow leads through has not the permission itself.
        if let expansion = leaf.expansion, tuple.subject.relation != expansion.permission { return below }
        let relation = "\(tuple.resource)#\(tuple.relation)"
        return SubjectSet.single(tuple.subject, isCaveated: tuple.caveat != nil, relation: relation).union(below)
    }
}
