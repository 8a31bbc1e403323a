// Pemba: whether tuples fit the schema.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
internal import PembaSchema

/// A tuple's names in the graph's numbers.
struct TupleNumbers {
    var type: UInt32
    var relation: UInt32
    var subjectType: UInt32
    var subjectRelation: UInt32
    /// The place of the tuple's kind among those admitted.
    var admittedPlace: Int
}

extension Graph {
    /// Checks that a tuple may be created or touched: names, ids, that the relation admits the subject with the caveat
    /// and times, and that the context fits the caveat.
    package func validate(_ tuple: RelationTuple, in basis: Basis? = nil) throws(GraphError) {
        let linked = (basis ?? present).linked
        try validateIDs(tuple, linked.schema.ids)
        // The ends of the range stand for "never" and "at once".
        guard tuple.expiresAt?.nanoseconds != .max, tuple.notBefore?.nanoseconds != .min else {
            throw .invalidArgument("a time of `\(tuple.key)` is out of range; leave it out to mean never, or at once")
        }
        if let expiresAt = tuple.expiresAt, let notBefore = tuple.notBefore, notBefore >= expiresAt {
            throw .invalidArgument(
                "`\(tuple.description.abbreviated())` would never count: it begins when it has expired"
            )
        }
        if let reference = tuple.caveat { try validate(reference, of: tuple, linked) }
        let hot = (basis ?? present).hot
        _ = try tuple.withView { view throws(GraphError) in try locate(view, kindOf: tuple, linked, hot) }
    }

    /// Checks that a tuple may be deleted: names, ids, and that the relation admits the subject at all.
    package func validateKey(_ tuple: RelationTuple) throws(GraphError) {
        try validateIDs(tuple, linked.schema.ids)
        _ = try tuple.withView { view throws(GraphError) in try locate(view, nil) }
    }

    private func validateIDs(_ tuple: RelationTuple, _ rule: IDRule) throws(GraphError) {
        try validate(tuple.resource.id, of: tuple, "resource", rule)
        try validate(tuple.subject.object.id, of: tuple, "subject", rule)
        if tuple.resource.id.hasSameBytes(as: SubjectReference.wildcardID) {
            throw .invalidArgument(
                "the resource of `\(tuple.description.abbreviated())`: `*` stands for all subjects of a type, not for a resource"
            )
        }
        if tuple.subject.isWildcard && tuple.subject.relation != nil {
            throw .invalidArgument("the subject of `\(tuple.description.abbreviated())`: a wildcard has no relation")
        }
    }

    private func validate(
        _ id: String,
        of tuple: RelationTuple,
        _ role: StaticString,
        _ rule: IDRule
    ) throws(GraphError) {
        guard let problem = ObjectReference.problem(ofID: id) ?? rule.problem(of: id) else { return }
        throw .invalidArgument("the \(role) of `\(tuple.description.abbreviated())`: \(problem)")
    }

    // MARK: Traits

    /// The traits of a valid tuple; whoever takes them holds the condition.
    func hold(_ tuple: RelationTuple) -> Traits {
        guard !tuple.isPlain else { return .none }
        var traits = Traits()
        if let expiresAt = tuple.expiresAt { traits.expiresAt = expiresAt.nanoseconds }
        if let notBefore = tuple.notBefore { traits.notBefore = notBefore.nanoseconds }
        if let reference = tuple.caveat { traits.condition = conditions.hold(reference, linked) }
        return traits
    }

    /// Checks that a stored context is one of its caveat's.
    private func validate(
        _ reference: CaveatReference,
        of tuple: RelationTuple,
        _ linked: LinkedSchema
    ) throws(GraphError) {
        let number = linked.caveat(named: reference.name)
        guard number != 0 else { throw .unknownCaveat(reference.name) }
        do throws(ConditionArgumentError) {
            _ = try ConditionArguments.convert(
                reference.context,
                parameters: linked.compiledCaveat(number).parameters,
                unknownKeys: .refuse
            )
        } catch {
            throw .invalidContext(error, of: tuple)
        }
    }

    // MARK: Names

    /// Looks up the names of a tuple that has these traits; with nil, of one whose traits do not matter.
    func locate(_ view: CheckView, _ traits: Traits?) throws(GraphError) -> TupleNumbers {
        guard let traits else { return try locate(view, nil, linked, hot) }
        let caveat = traits.condition == 0 ? 0 : conditions[traits.condition].caveat
        let hasTime = traits.expiresAt != .max || traits.notBefore != .min
        return try locate(view, (caveat, hasTime), linked, hot)
    }

    /// Looks up the names of a tuple in the present schema.
    func locate(_ view: CheckView, kindOf tuple: RelationTuple) throws(GraphError) -> TupleNumbers {
        try locate(view, kindOf: tuple, linked, hot)
    }

    /// Looks up the names of a tuple.
    func locate(
        _ view: CheckView,
        kindOf tuple: RelationTuple,
        _ linked: LinkedSchema,
        _ hot: UnsafeMutablePointer<Basis.Hot>
    ) throws(GraphError) -> TupleNumbers {
        let caveat = tuple.caveat.map { linked.caveat(named: $0.name) } ?? 0
        let hasTime = tuple.expiresAt != nil || tuple.notBefore != nil
        return try locate(view, (caveat, hasTime), linked, hot)
    }

    /// Looks up the names of a tuple that carries a caveat and times; with nil, of one that may carry anything.
    func locate(
        _ view: CheckView,
        _ kind: (caveat: UInt32, hasTime: Bool)?,
        _ linked: LinkedSchema,
        _ hot: UnsafeMutablePointer<Basis.Hot>
    ) throws(GraphError) -> TupleNumbers {
        guard hot.pointee.hasSchema else { throw .noSchema }
        let names = hot.pointee.names
        let type = names.find(view.resourceType, scope: 0)
        guard type != 0 else { throw .unknownDefinition(String(decoding: view.resourceType, as: UTF8.self)) }
        let relation = names.find(view.permission, scope: type)
        guard relation != 0 else { throw unknownRelation(view.resourceType, view.permission) }
        let node = linked.node(type: type, relation: relation)
        guard linked.nodes[Int(node)].kind == .relation else {
            throw .cannotWritePermission(
                definition: String(decoding: view.resourceType, as: UTF8.self),
                permission: String(decoding: view.permission, as: UTF8.self)
            )
        }
        let subjectType = names.find(view.subjectType, scope: 0)
        guard subjectType != 0 else { throw .unknownDefinition(String(decoding: view.subjectType, as: UTF8.self)) }
        var subjectRelation: UInt32 = 0
        if !view.subjectRelation.isEmpty {
            subjectRelation = names.find(view.subjectRelation, scope: subjectType)
            guard subjectRelation != 0 else { throw unknownRelation(view.subjectType, view.subjectRelation) }
        }
        let isWildcard = view.subjectID.count == 1 && view.subjectID[0] == UInt8(ascii: "*")
        let admitted = AdmittedKind(
            type: subjectType,
            relation: isWildcard ? AdmittedKind.wildcard : subjectRelation,
            caveat: kind?.caveat ?? 0,
            hasTime: kind?.hasTime ?? false
        )
        var place = linked.admittedPlace(node, admitted)
        if place == nil, kind == nil, linked.admitsSubject(node, admitted) { place = -1 }
        guard let place else { throw notAdmitted(view, admitted, node, linked) }
        return TupleNumbers(
            type: type,
            relation: relation,
            subjectType: subjectType,
            subjectRelation: subjectRelation,
            admittedPlace: place
        )
    }

    private func unknownRelation(_ type: UnsafeRawBufferPointer, _ name: UnsafeRawBufferPointer) -> GraphError {
        .unknownRelation(
            definition: String(decoding: type, as: UTF8.self),
            relation: String(decoding: name, as: UTF8.self)
        )
    }

    private func notAdmitted(
        _ view: CheckView,
        _ kind: AdmittedKind,
        _ node: UInt32,
        _ linked: LinkedSchema
    ) -> GraphError {
        .subjectNotAllowed(
            RelationTuple(view),
            given: linked.describe(admitted: kind),
            admitted: linked.admittedPlaces(node).map { linked.describe(admitted: linked.admitted[$0]) }
        )
    }
}
