// Pemba: deciding one thing after the other, bit by bit.
// SPDX-License-Identifier: Apache-2.0

internal import PembaService

/// Decides whether the subject of an evaluation has one relation or permission of an object, and what that depends on.
struct Judgement {
    private let entity: UInt32
    private let node: UInt32
    private var question = SlicedQuestion()
    private var truth: Truth?
    /// The search for what a conditional answer depends on.
    private var search: MissingSearch?
    private var missing: [String] = []

    /// Nothing is decided yet.
    init(_ entity: UInt32, _ node: UInt32) {
        self.entity = entity
        self.node = node
    }

    /// Goes on until it is decided, or nil when the evaluation's visits have reached `limit`.
    mutating func run(_ inquiry: Inquiry, limit: Int) throws(GraphError) -> Truth? {
        if truth == nil {
            truth = try question.answer(inquiry, limit) { inquiry.begin(entity, node) }
            if truth == .maybe { search = MissingSearch(entity, node) }
        }
        guard var search else { return truth }
        // Taken out while it changes, so that it is not copied.
        self.search = nil
        guard let names = try search.run(inquiry, limit: limit) else {
            self.search = search
            return nil
        }
        missing = names
        return truth
    }

    /// What was decided, once `run` has given it.
    var decision: Decision {
        switch truth {
        case .yes: .has
        case .maybe: Decision(.conditional, missingContext: missing)
        case .no: .hasNot
        case nil: preconditionFailure("a decision is asked for before it is made")
        }
    }
}
