// Pemba: checks.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

extension Graph {
    /// Looks up the names and ids of a check.
    ///
    /// Names must exist in the schema. Objects need not have tuples: a check about an unknown one has an answer, too.
    package func resolve(_ view: CheckView) throws(GraphError) -> ResolvedCheck {
        var check = try resolveNames(view)
        (check.resource, check.subject) = entities.find(
            type: resourceType(check),
            id: view.resourceID,
            andType: check.subjectType,
            id: view.subjectID
        )
        standInForUnknown(&check, view)
        return check
    }

    /// Begins a check, and ends it unless it takes more than `slice` visits.
    package func evaluate(
        _ check: ResolvedCheck,
        slice: Int = Limits.evaluationSlice,
        budget: Int = Limits.evaluationVisits
    ) -> EvaluationStep {
        let evaluation = spare.pointee.take() ?? Evaluation()
        evaluation.state.pointee.begin(check, budget: budget, view: hot.pointee.view)
        return resume(evaluation, slice: slice)
    }

    /// Goes on with a suspended check; the graph must not have changed since.
    package func resume(_ evaluation: Evaluation, slice: Int = Limits.evaluationSlice) -> EvaluationStep {
        let state = evaluation.state
        let limit = min(state.pointee.visits + slice, state.pointee.budget)
        switch state.pointee.run(hot.pointee.view, limit: limit) {
        case .finished:
            let answer = state.pointee.value
            abandon(evaluation)
            return .done(answer)
        case .suspended:
            return .suspended(evaluation)
        case .exceeded:
            abandon(evaluation)
            return .budgetExceeded
        }
    }

    /// Gives up a suspended check, so that its memory is used again.
    package func abandon(_ evaluation: Evaluation) {
        evaluation.state.pointee.clear()
        spare.pointee = evaluation
    }

    /// Evaluates a check at once: for tools and tests.
    ///
    /// Nil if it visits more than `budget`.
    package func check(
        _ resource: ObjectReference,
        _ permission: String,
        _ subject: SubjectReference,
        budget: Int = Limits.evaluationVisits
    ) throws(GraphError) -> Bool? {
        let question = RelationTuple(resource: resource, relation: permission, subject: subject)
        let resolved = try question.withView { view throws(GraphError) in try resolve(view) }
        guard case .done(let answer) = evaluate(resolved, slice: budget, budget: budget) else { return nil }
        return answer
    }

    // MARK: Parts

    /// The number of the type that a check's resource has.
    @inline(__always)
    func resourceType(_ check: ResolvedCheck) -> UInt32 { UInt32(hot.pointee.view.nodes[Int(check.node)].type) }

    /// Looks up the names of a check; its entities are still to be found.
    @inline(__always)
    func resolveNames(_ view: CheckView) throws(GraphError) -> ResolvedCheck {
        let names = hot.pointee.names
        let type = names.find(view.resourceType, scope: 0)
        let subjectType = names.find(view.subjectType, scope: 0)
        guard type != 0, subjectType != 0 else { throw whatIsUnknown(view) }
        let relation = names.find(view.permission, scope: type)
        guard relation != 0 else { throw whatIsUnknown(view) }
        var subjectRelation: UInt32 = 0
        if !view.subjectRelation.isEmpty {
            subjectRelation = names.find(view.subjectRelation, scope: subjectType)
            guard subjectRelation != 0 else { throw whatIsUnknown(view) }
        }
        let resourceBytes = view.resourceID.count
        let subjectBytes = view.subjectID.count
        guard resourceBytes > 0, resourceBytes <= Limits.objectIDBytes, subjectBytes > 0,
            subjectBytes <= Limits.objectIDBytes
        else { throw .invalidArgument("an id has 1 to \(Limits.objectIDBytes) bytes") }
        if Graph.isWildcard(view.subjectID) || Graph.isWildcard(view.resourceID) {
            throw .invalidArgument("a check asks about one resource and one subject: `*` is neither")
        }
        let nodeBase = hot.pointee.view.nodeBase
        return ResolvedCheck(
            resource: EntityNumber.none,
            node: nodeBase[Int(type)] &+ relation,
            subject: EntityNumber.none,
            subjectNode: subjectRelation == 0 ? ResolvedCheck.noNode : nodeBase[Int(subjectType)] &+ subjectRelation,
            subjectType: subjectType,
            subjectRelation: subjectRelation
        )
    }

    @inline(__always)
    private static func isWildcard(_ id: UnsafeRawBufferPointer) -> Bool { id.count == 1 && id[0] == UInt8(ascii: "*") }

    /// Lets a resource without tuples be asked about, and recognises it as its own subject.
    @inline(__always)
    func standInForUnknown(_ check: inout ResolvedCheck, _ view: CheckView) {
        guard check.resource == EntityNumber.none else { return }
        check.resource = EntityNumber.unknownResource
        guard check.subject == EntityNumber.none, resourceType(check) == check.subjectType,
            view.resourceID.count == view.subjectID.count, let left = view.resourceID.baseAddress,
            let right = view.subjectID.baseAddress, ByteHash.equal(left, right, count: view.subjectID.count)
        else { return }
        check.subject = EntityNumber.unknownResource
    }

    /// The first unknown name of a check.
    @inline(never)
    private func whatIsUnknown(_ view: CheckView) -> GraphError {
        guard hot.pointee.hasSchema else { return .noSchema }
        let names = hot.pointee.names
        for (type, relation) in [
            (view.resourceType, view.permission), (view.subjectType, view.subjectRelation),
        ] {
            let definition = String(decoding: type, as: UTF8.self)
            let number = names.find(type, scope: 0)
            if number == 0 { return .unknownDefinition(definition) }
            if !relation.isEmpty || type.baseAddress == view.resourceType.baseAddress {
                guard names.find(relation, scope: number) == 0 else { continue }
                return .unknownRelation(definition: definition, relation: String(decoding: relation, as: UTF8.self))
            }
        }
        return .invalidArgument("the check names nothing that exists")
    }
}
