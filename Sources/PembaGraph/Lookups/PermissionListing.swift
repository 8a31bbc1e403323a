// Pemba: what a subject has on a resource.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema
package import PembaService

/// Finds out which relations and permissions of a resource a subject has.
///
/// One evaluation answers for each in turn, so that what they have in common is found out once. It works in slices;
/// between two of them the graph may change if `hold` is called before and `move` after.
package final class PermissionListing {
    private let graph: Graph
    /// Nil while it is held.
    private var basis: Basis?
    /// The resource and the subject.
    private let question: ResolvedCheck
    /// The relations and permissions, in the order of the schema.
    private let names: [(node: UInt32, name: String)]
    private let evaluation: Evaluation
    /// The next entry, once it has been begun.
    private var judgement: Judgement?

    /// What was found out, in the order of the schema; all of it once `run` has given true.
    package private(set) var entries: [PermissionsAnswer.Entry] = []

    /// Begins to find out.
    package init(
        graph: Graph,
        basis: Basis,
        request: PermissionsRequest,
        budget: Int = Limits.evaluationVisits
    ) throws(GraphError) {
        let type = try graph.type(request.resource.type, in: basis)
        try Graph.validate(id: request.resource.id, role: "resource")
        var question = try graph.question(about: request.subject, in: basis)
        question.resource = graph.object(type, request.resource.id)
        // Two objects without tuples are not the same one for that.
        if question.resource == EntityNumber.unknownResource, question.subject == EntityNumber.unknownResource,
            type != question.subjectType || !request.resource.id.hasSameBytes(as: request.subject.object.id)
        {
            question.subject = EntityNumber.none
        }
        let linked = basis.linked
        let definition = linked.schema.definitions[linked.types[Int(type)].definition]
        names = definition.relations.enumerated().map { place, relation in
            (linked.node(type: type, relation: linked.types[Int(type)].numbers[place]), relation.name)
        }
        self.graph = graph
        self.basis = basis
        self.question = question
        // Others that come first may have brought them along.
        graph.pin(question.subject)
        graph.pin(question.resource)
        evaluation = graph.begin(question, in: basis, context: request.context.values, budget: budget)
    }

    deinit {
        graph.abandon(evaluation)
        graph.unpin(question.resource)
        graph.unpin(question.subject)
    }

    /// Lets go of the state before the graph changes.
    package func hold() {
        evaluation.hold()
        basis = nil
    }

    /// Goes on with a basis of the state that it was begun at.
    package func move(to basis: Basis) {
        evaluation.move(to: basis)
        self.basis = basis
    }

    /// Goes on for about `slice` visits; true once all entries are there.
    package func run(slice: Int = Limits.evaluationSlice) throws(GraphError) -> Bool {
        guard let basis else { preconditionFailure("a listing went on without a basis") }
        let inquiry = Inquiry(graph: graph, evaluation: evaluation, basis: basis)
        let limit = evaluation.visits + slice
        while entries.count < names.count {
            guard evaluation.visits < limit else { return false }
            let (node, name) = names[entries.count]
            // Taken out while it changes, so that it is not copied.
            var judgement = judgement.take() ?? Judgement(question.resource, node)
            guard try judgement.run(inquiry, limit: limit) != nil else {
                self.judgement = judgement
                return false
            }
            let isRelation = basis.linked.nodes[Int(node)].kind == .relation
            let decision = judgement.decision
            entries.append(PermissionsAnswer.Entry(permission: name, isRelation: isRelation, decision: decision))
        }
        return true
    }
}
