// Pemba: giving a compiled schema the graph's numbers.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// Collects the parts of a `LinkedSchema`.
struct Linker {
    private(set) var types: [LinkedSchema.LinkedType] = [LinkedSchema.LinkedType()]
    private(set) var nodeBase: [UInt32] = []
    private(set) var nodes: [LinkedNode] = []
    private(set) var ops: [LinkedOp] = []
    private(set) var operands: [UInt32] = []
    private(set) var targets: [LinkedTarget] = []
    private(set) var admitted: [AdmittedKind] = []
    private(set) var caveats: [LinkedSchema.LinkedCaveat] = [LinkedSchema.LinkedCaveat()]
    /// Finds the numbers of all names; the linked schema owns it.
    private(set) var names = NameIndex([])
    private let schema: CompiledSchema
    /// The number of each definition's type.
    private var typeNumbers: [UInt32] = []
    /// The number of each caveat.
    private var caveatNumbers: [UInt32] = []
    /// Targets of arrows that were met before, by tupleset node and name.
    private var knownTargets: [TargetKey: (start: UInt32, count: UInt32)] = [:]

    private struct TargetKey: Hashable {
        var node: UInt32
        var name: [UInt8]
    }

    /// Links `schema`, keeping the numbers of `previous`.
    static func link(_ schema: CompiledSchema, keeping previous: LinkedSchema?) -> LinkedSchema {
        precondition(schema.definitions.count <= Limits.definitionsPerSchema, "a schema with too many definitions")
        var linker = Linker(schema: schema)
        linker.numberNames(previous)
        linker.numberCaveats(previous)
        linker.indexNames()
        linker.layOutNodes()
        for place in schema.definitions.indices { linker.linkRelations(ofDefinition: place) }
        for place in schema.definitions.indices { linker.linkPermissions(ofDefinition: place) }
        return LinkedSchema(linker, schema: schema)
    }

    private init(schema: CompiledSchema) { self.schema = schema }

    private mutating func indexNames() {
        var items: [NameIndex.Item] = []
        for (type, linked) in types.enumerated() where !linked.name.isEmpty {
            items.append(NameIndex.Item(scope: 0, name: linked.name, value: UInt32(type)))
            for (number, name) in linked.relationNames.enumerated() where !name.isEmpty {
                items.append(NameIndex.Item(scope: UInt32(type), name: name, value: UInt32(number)))
            }
        }
        names.release()
        names = NameIndex(items)
    }

    // MARK: Numbers

    /// Numbers names: those that `previous` knows keep their number, others take the lowest free ones.
    private static func number(_ names: [String], previous: (String) -> UInt32) -> [UInt32] {
        var numbers = names.map(previous)
        var taken = Set(numbers)
        var next: UInt32 = 1
        for place in numbers.indices where numbers[place] == 0 {
            while taken.contains(next) { next += 1 }
            numbers[place] = next
            taken.insert(next)
        }
        return numbers
    }

    private mutating func numberNames(_ previous: LinkedSchema?) {
        typeNumbers = Linker.number(schema.definitions.map(\.name)) { previous?.names.find($0, scope: 0) ?? 0 }
        let end = Int(typeNumbers.max() ?? 0) + 1
        types = [LinkedSchema.LinkedType](repeating: LinkedSchema.LinkedType(), count: end)
        for (place, definition) in schema.definitions.enumerated() {
            let type = typeNumbers[place]
            let known = previous.flatMap { $0.names.find(definition.name, scope: 0) == type ? $0 : nil }
            let numbers = Linker.number(definition.relations.map(\.name)) { known?.names.find($0, scope: type) ?? 0 }
            let highest = Int(numbers.max() ?? 0)
            precondition(highest <= RowEntry.highestRelation, "a definition with too many relations")
            var linked = LinkedSchema.LinkedType(name: definition.name, definition: place, numbers: numbers)
            linked.relationNames = [String](repeating: "", count: highest + 1)
            for (relation, number) in numbers.enumerated() {
                linked.relationNames[Int(number)] = definition.relations[relation].name
                if case .relation = definition.relations[relation].kind { linked.holdsTuples = true }
            }
            linked.relationRanks = Linker.ranks(linked.relationNames)
            types[Int(type)] = linked
        }
        for (type, rank) in Linker.ranks(types.map(\.name)).enumerated() { types[type].rank = rank }
    }

    private mutating func numberCaveats(_ previous: LinkedSchema?) {
        caveatNumbers = Linker.number(schema.caveats.map(\.name)) { previous?.caveat(named: $0) ?? 0 }
        let end = Int(caveatNumbers.max() ?? 0) + 1
        caveats = [LinkedSchema.LinkedCaveat](repeating: LinkedSchema.LinkedCaveat(), count: end)
        for (place, caveat) in schema.caveats.enumerated() {
            caveats[Int(caveatNumbers[place])] = LinkedSchema.LinkedCaveat(name: caveat.name, place: place)
        }
    }

    /// The place of each name in the order of their bytes.
    private static func ranks(_ names: [String]) -> [Int] {
        var ranks = [Int](repeating: 0, count: names.count)
        let order = names.indices.sorted { names[$0].precedesByBytes(names[$1]) }
        for (rank, place) in order.enumerated() { ranks[place] = rank }
        return ranks
    }

    private mutating func layOutNodes() {
        for (type, linked) in types.enumerated() {
            nodeBase.append(UInt32(nodes.count))
            for number in 0..<max(linked.relationNames.count, 1) {
                nodes.append(LinkedNode(type: UInt16(type), number: UInt32(number)))
            }
        }
    }

    private func node(_ definition: Int, _ relation: Int) -> UInt32 {
        let type = Int(typeNumbers[definition])
        return nodeBase[type] + types[type].numbers[relation]
    }

    // MARK: Relations

    private mutating func linkRelations(ofDefinition place: Int) {
        for (relation, compiled) in schema.definitions[place].relations.enumerated() {
            guard case .relation(let subjects) = compiled.kind else { continue }
            let node = Int(node(place, relation))
            nodes[node].kind = .relation
            nodes[node].admittedStart = UInt32(admitted.count)
            nodes[node].admittedCount = UInt32(subjects.count)
            let firstTarget = targets.count
            for subject in subjects {
                let kind = kind(of: subject)
                admitted.append(kind)
                switch subject.form {
                case .object: break
                case .wildcard: nodes[node].admitsWildcard = true
                case .userset:
                    nodes[node].admitsUsersets = true
                    // The same userset may be admitted several times, with different caveats.
                    let target = LinkedTarget(type: kind.type, node: nodeBase[Int(kind.type)] + kind.relation)
                    if !targets[firstTarget...].contains(where: { $0.node == target.node }) { targets.append(target) }
                }
            }
            nodes[node].op = UInt32(ops.count)
            ops.append(
                LinkedOp(
                    kind: .usersets,
                    first: nodes[node].number,
                    start: UInt32(firstTarget),
                    count: UInt32(targets.count - firstTarget)
                )
            )
        }
    }

    private func kind(of subject: AllowedSubject) -> AdmittedKind {
        let type = typeNumbers[subject.definition]
        let relation =
            switch subject.form {
            case .object: UInt32(0)
            case .wildcard: AdmittedKind.wildcard
            case .userset(let relation): types[Int(type)].numbers[relation]
            }
        let caveat = subject.caveat.map { caveatNumbers[$0] } ?? 0
        return AdmittedKind(type: type, relation: relation, caveat: caveat, hasTime: subject.hasExpiration)
    }

    // MARK: Permissions

    private mutating func linkPermissions(ofDefinition place: Int) {
        for (relation, compiled) in schema.definitions[place].relations.enumerated() {
            guard case .permission(let rewrite) = compiled.kind else { continue }
            let node = Int(node(place, relation))
            nodes[node].kind = .permission
            nodes[node].op = link(rewrite, in: place)
        }
    }

    /// Links an expression and returns its operation.
    ///
    /// Recursion is bounded by `Limits.expressionDepth`.
    private mutating func link(_ rewrite: UsersetRewrite, in place: Int) -> UInt32 {
        switch rewrite {
        case .empty:
            return append(LinkedOp(kind: .empty))
        case .selfReference:
            return append(LinkedOp(kind: .itself))
        case .computedUserset(let relation):
            return append(LinkedOp(kind: .computed, first: node(place, relation)))
        case .tupleToUserset(let tupleset, let computed, let function):
            let node = node(place, tupleset)
            let range = arrowTargets(tupleset: node, computed: computed)
            return append(
                LinkedOp(
                    kind: function == .any ? .arrowAny : .arrowAll,
                    first: nodes[Int(node)].number,
                    start: range.start,
                    count: range.count
                )
            )
        case .union(let members):
            return append(.union, members, in: place)
        case .intersection(let members):
            return append(.intersection, members, in: place)
        case .exclusion(let base, let subtracted):
            return append(.exclusion, [base, subtracted], in: place)
        }
    }

    private mutating func append(_ op: LinkedOp) -> UInt32 {
        ops.append(op)
        return UInt32(ops.count - 1)
    }

    private mutating func append(_ kind: LinkedOp.Kind, _ members: [UsersetRewrite], in place: Int) -> UInt32 {
        let linked = members.map { link($0, in: place) }
        let start = UInt32(operands.count)
        operands.append(contentsOf: linked)
        return append(LinkedOp(kind: kind, start: start, count: UInt32(linked.count)))
    }

    private mutating func arrowTargets(tupleset: UInt32, computed: String) -> (start: UInt32, count: UInt32) {
        let key = TargetKey(node: tupleset, name: [UInt8](computed.utf8))
        if let known = knownTargets[key] { return known }
        let start = UInt32(targets.count)
        var seen: Set<UInt32> = []
        let relation = nodes[Int(tupleset)]
        for place in Int(relation.admittedStart)..<Int(relation.admittedStart + relation.admittedCount) {
            let type = admitted[place].type
            guard seen.insert(type).inserted else { continue }
            let number = names.find(computed, scope: type)
            if number != 0 { targets.append(LinkedTarget(type: type, node: nodeBase[Int(type)] + number)) }
        }
        let range = (start: start, count: UInt32(targets.count) - start)
        knownTargets[key] = range
        return range
    }
}
