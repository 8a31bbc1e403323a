// Pemba: checks.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension Graph {
    /// Looks up the names and ids of a check, in the present state unless another is given.
    ///
    /// Names must exist in the schema. Objects need not have tuples: a check about an unknown one has an answer, too.
    package func resolve(_ view: CheckView, in basis: Basis? = nil) throws(GraphError) -> ResolvedCheck {
        let hot = basis?.hot ?? self.hot
        var check = try resolveNames(view, hot)
        (check.resource, check.subject) = entities.find(
            type: resourceType(check, hot),
            id: view.resourceID,
            andType: check.subjectType,
            id: view.subjectID
        )
        standInForUnknown(&check, view, hot)
        return check
    }

    /// Begins a check in the present state, and ends it unless it takes more than `slice` visits.
    @inline(__always)
    package func evaluate(
        _ check: ResolvedCheck,
        slice: Int = Limits.evaluationSlice,
        budget: Int = Limits.evaluationVisits
    ) -> EvaluationStep {
        evaluate(check, in: present, context: .empty, depth: .max, slice: slice, budget: budget)
    }

    /// Begins a check, and ends it unless it takes more than `slice` visits.
    ///
    /// Sub-problems lie at most `depth` deep inside each other.
    package func evaluate(
        _ check: ResolvedCheck,
        in basis: Basis,
        context: ContextObject,
        depth: Int,
        slice: Int = Limits.evaluationSlice,
        budget: Int = Limits.evaluationVisits
    ) -> EvaluationStep {
        resume(begin(check, in: basis, context: context, depth: depth, budget: budget), slice: slice)
    }

    /// Begins an evaluation.
    func begin(
        _ check: ResolvedCheck,
        in basis: Basis,
        context: ContextObject,
        depth: Int = .max,
        budget: Int = Limits.evaluationVisits
    ) -> Evaluation {
        let evaluation = evaluation(in: basis, context: context)
        evaluation.state.pointee.begin(check, budget: budget, depth: depth, view: basis.hot.pointee.view)
        return evaluation
    }

    /// An evaluation for questions in a state.
    @inline(__always)
    func evaluation(in basis: Basis, context: ContextObject) -> Evaluation {
        let evaluation = spare.pointee.take() ?? Evaluation(graph: self)
        evaluation.begin(in: basis, context: context)
        return evaluation
    }

    /// Goes on with a suspended check; the graph must not have changed since, unless the evaluation was held meanwhile.
    package func resume(_ evaluation: Evaluation, slice: Int = Limits.evaluationSlice) -> EvaluationStep {
        guard let basis = evaluation.basis else { preconditionFailure("a spare evaluation was resumed") }
        if evaluation.search != nil { return finishConditional(evaluation, basis, slice: slice) }
        let ending = evaluation.state.pointee.runSlice(basis.hot.pointee.view, slice: slice)
        return step(evaluation, after: ending, slice: slice)
    }

    /// What the end of a slice means; the evaluation is given up unless it is suspended.
    func step(
        _ evaluation: Evaluation,
        after ending: EvaluationState.SliceEnding,
        slice: Int
    ) -> EvaluationStep {
        switch ending {
        case .yes, .no:
            abandon(evaluation)
            return .done(ending == .yes)
        case .conditional:
            guard let basis = evaluation.basis else { preconditionFailure("a spare evaluation has an answer") }
            return finishConditional(evaluation, basis, slice: slice)
        case .suspended:
            keep(evaluation)
            return .suspended(evaluation)
        case .exceeded:
            let budget = evaluation.state.pointee.budget
            abandon(evaluation)
            return .failed(.budgetExceeded(budget))
        case .tooDeep:
            let depth = evaluation.state.pointee.depthMax
            abandon(evaluation)
            return .failed(.tooDeep(depth))
        }
    }

    /// Finds what a conditional answer lacks.
    @inline(never)
    private func finishConditional(_ evaluation: Evaluation, _ basis: Basis, slice: Int) -> EvaluationStep {
        let limit = evaluation.visits + slice
        let check = evaluation.state.pointee.check
        let budget = evaluation.state.pointee.budget
        var search = evaluation.search ?? MissingSearch(check.resource, check.node)
        // Taken out while it changes, so that it is not copied.
        evaluation.search = nil
        do throws(GraphError) {
            let inquiry = Inquiry(graph: self, evaluation: evaluation, basis: basis)
            guard let missing = try search.run(inquiry, limit: limit) else {
                guard evaluation.visits < budget else { throw .budgetExceeded(budget) }
                evaluation.search = search
                keep(evaluation)
                return .suspended(evaluation)
            }
            abandon(evaluation)
            return .conditional(missing: missing)
        } catch {
            abandon(evaluation)
            return .failed(error)
        }
    }

    /// Lets the entities of a suspended check keep their numbers: others that come first may have brought them along.
    private func keep(_ evaluation: Evaluation) {
        guard !evaluation.state.pointee.keepsEntities else { return }
        evaluation.state.pointee.keepsEntities = true
        pin(evaluation.state.pointee.check.resource)
        pin(evaluation.state.pointee.check.subject)
    }

    /// Gives up a suspended check, so that its memory is used again.
    package func abandon(_ evaluation: Evaluation) {
        if evaluation.state.pointee.keepsEntities {
            evaluation.state.pointee.keepsEntities = false
            unpin(evaluation.state.pointee.check.resource)
            unpin(evaluation.state.pointee.check.subject)
        }
        evaluation.search = nil
        evaluation.end(keeping: present)
        spare.pointee = evaluation
    }

    /// Evaluates a check at once, in the present state unless another is given: for tools and tests.
    package func check(
        _ item: CheckItem,
        in basis: Basis? = nil,
        depth: Int = .max,
        budget: Int = Limits.evaluationVisits
    ) throws(GraphError) -> Decision {
        let basis = basis ?? present
        let resolved = try resolve(item, in: basis)
        let step = evaluate(
            resolved,
            in: basis,
            context: item.context,
            depth: depth,
            slice: budget,
            budget: budget
        )
        switch step {
        case .done(let has): return has ? .has : .hasNot
        case .conditional(let missing): return Decision(.conditional, missingContext: missing)
        case .failed(let error): throw error
        case .suspended(let evaluation):
            abandon(evaluation)
            throw .budgetExceeded(budget)
        }
    }

    // MARK: Parts

    /// The number of the type that a check's resource has.
    @inline(__always)
    func resourceType(_ check: ResolvedCheck, _ hot: UnsafeMutablePointer<Basis.Hot>) -> UInt32 {
        UInt32(hot.pointee.view.nodes[Int(check.node)].type)
    }

    /// Looks up the names of a check; its entities are still to be found.
    @inline(__always)
    func resolveNames(
        _ view: CheckView,
        _ hot: UnsafeMutablePointer<Basis.Hot>
    ) throws(GraphError) -> ResolvedCheck {
        let names = hot.pointee.names
        let type = names.find(view.resourceType, scope: 0)
        let subjectType = names.find(view.subjectType, scope: 0)
        guard type != 0, subjectType != 0 else { throw whatIsUnknown(view, hot) }
        let relation = names.find(view.permission, scope: type)
        guard relation != 0 else { throw whatIsUnknown(view, hot) }
        var subjectRelation: UInt32 = 0
        if !view.subjectRelation.isEmpty {
            subjectRelation = names.find(view.subjectRelation, scope: subjectType)
            guard subjectRelation != 0 else { throw whatIsUnknown(view, hot) }
        }
        try Graph.checkIDs(view)
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

    /// Refuses ids that no object has.
    @inline(__always)
    static func checkIDs(_ view: CheckView) throws(GraphError) {
        let resourceBytes = view.resourceID.count
        let subjectBytes = view.subjectID.count
        guard resourceBytes > 0, resourceBytes <= Limits.objectIDBytes, subjectBytes > 0,
            subjectBytes <= Limits.objectIDBytes
        else { throw .invalidArgument("an id has 1 to \(Limits.objectIDBytes) bytes") }
        if Graph.isWildcard(view.subjectID) { throw .notOneObject(field: "subject", of: "check") }
        if Graph.isWildcard(view.resourceID) { throw .notOneObject(field: "resource", of: "check") }
    }

    @inline(__always)
    private static func isWildcard(_ id: UnsafeRawBufferPointer) -> Bool { id.count == 1 && id[0] == UInt8(ascii: "*") }

    /// Lets a resource without tuples be asked about, and recognises it as its own subject.
    @inline(__always)
    func standInForUnknown(
        _ check: inout ResolvedCheck,
        _ view: CheckView,
        _ hot: UnsafeMutablePointer<Basis.Hot>
    ) {
        guard check.resource == EntityNumber.none else { return }
        check.resource = EntityNumber.unknownResource
        guard check.subject == EntityNumber.none, resourceType(check, hot) == check.subjectType,
            view.resourceID.count == view.subjectID.count, let left = view.resourceID.baseAddress,
            let right = view.subjectID.baseAddress, ByteHash.equal(left, right, count: view.subjectID.count)
        else { return }
        check.subject = EntityNumber.unknownResource
    }

    /// The first unknown name of a check.
    @inline(never)
    private func whatIsUnknown(_ view: CheckView, _ hot: UnsafeMutablePointer<Basis.Hot>) -> GraphError {
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
