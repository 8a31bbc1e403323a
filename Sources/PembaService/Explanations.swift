// Pemba: expansions and explanations, as clients ask and nodes answer them, however they are carried.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Asks how a relation or permission of a resource is made up (Zanzibar paper, section 2.4.5).
public struct ExpandRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// The resource.
    public var resource: ObjectReference
    /// The relation or permission.
    public var permission: String
    /// Whether usersets are expanded in turn.
    public var isRecursive: Bool
    /// Tuples that count as if they were stored, for this request alone.
    public var contextualTuples: [RelationTuple]

    /// Asks for an expansion.
    public init(
        consistency: Consistency = .minimizeLatency,
        resource: ObjectReference,
        permission: String,
        isRecursive: Bool = false,
        contextualTuples: [RelationTuple] = []
    ) {
        self.consistency = consistency
        self.resource = resource
        self.permission = permission
        self.isRecursive = isRecursive
        self.contextualTuples = contextualTuples
    }
}

/// A node of an expansion: a relation or permission of an object and what it is made of.
public struct ExpandTree: Hashable, Sendable {
    /// How the parts make up the whole.
    public indirect enum Content: Hashable, Sendable {
        /// Stored tuples, in the order of reads; beside a userset what it expands to, if that was asked for.
        case leaf([Leaf])
        /// Any part is enough.
        case union([ExpandTree])
        /// All parts must have the subject.
        case intersection([ExpandTree])
        /// The first part without the second.
        case exclusion([ExpandTree])
        /// Every object behind an arrow must have the subject, and there is one: `.all`.
        case all([ExpandTree])
        /// Nobody.
        case empty
        /// The object itself: `self`.
        case itself
        /// It is expanded elsewhere in this tree already, or above: a cycle.
        case repeated
        /// The expansion reached its limit here.
        case truncated
    }

    /// A stored tuple of a leaf.
    public struct Leaf: Hashable, Sendable {
        /// The tuple, with its caveat and times.
        public var tuple: RelationTuple
        /// What its userset expands to.
        public var expansion: ExpandTree?

        /// Makes a leaf.
        public init(tuple: RelationTuple, expansion: ExpandTree? = nil) {
            self.tuple = tuple
            self.expansion = expansion
        }
    }

    /// The object.
    public var resource: ObjectReference
    /// The relation or permission; empty for a part of an expression.
    public var permission: String
    /// What it is made of.
    public var content: Content

    /// Makes a node.
    public init(resource: ObjectReference, permission: String, content: Content) {
        self.resource = resource
        self.permission = permission
        self.content = content
    }
}

/// An expansion and the revision at which it holds.
public struct ExpandAnswer: Hashable, Sendable {
    /// The tree.
    public var tree: ExpandTree
    /// The revision at which it was evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(tree: ExpandTree, zookie: Zookie) {
        self.tree = tree
        self.zookie = zookie
    }
}

/// Asks why a check has its answer.
public struct ExplainRequest: Hashable, Sendable {
    /// At which revision.
    public var consistency: Consistency
    /// The question.
    public var item: CheckItem
    /// Tuples that count as if they were stored, for this request alone.
    public var contextualTuples: [RelationTuple]

    /// Asks for an explanation.
    public init(consistency: Consistency = .minimizeLatency, item: CheckItem, contextualTuples: [RelationTuple] = []) {
        self.consistency = consistency
        self.item = item
        self.contextualTuples = contextualTuples
    }
}

/// Why a check has its answer.
public struct Explanation: Hashable, Sendable {
    /// The answer.
    public var decision: Decision
    /// For has and conditional: the steps that lead to it, from the question to the subject.
    ///
    /// For a denial: what was tried.
    public var proof: ProofNode
    /// For a denial or a conditional answer: the smallest sets of changes each of which would make it has, the smallest
    /// first; at most `Limits.suggestions`.
    public var suggestions: [Suggestion]
    /// Sub-problems that are defined through their own exclusion and therefore denied, as `type:id#permission`.
    public var selfExclusions: [String]
    /// The log's time at which it was evaluated: a tuple counts from its `notBefore` until its `expiresAt`.
    public var time: Timestamp
    /// What the conditions of the tuples in suggestions and proof came to, each once, in the order in which they are met
    /// there; at most `Limits.explanationConditions`.
    public var conditions: [ExplainedCondition]

    /// Makes an explanation.
    public init(
        decision: Decision,
        proof: ProofNode,
        suggestions: [Suggestion],
        selfExclusions: [String] = [],
        time: Timestamp,
        conditions: [ExplainedCondition] = []
    ) {
        self.decision = decision
        self.proof = proof
        self.suggestions = suggestions
        self.selfExclusions = selfExclusions
        self.time = time
        self.conditions = conditions
    }

    /// What a tuple's condition came to; nil if it has none, or if it was left out.
    public func condition(of tuple: RelationTuple) -> ExplainedCondition? {
        tuple.caveat.flatMap { caveat in conditions.first { $0.caveat == caveat } }
    }
}

/// One step of an explanation.
public struct ProofNode: Hashable, Sendable {
    /// What the step rests on.
    public indirect enum Reason: Hashable, Sendable {
        /// The subject is the userset itself, or the resource where the schema says `self`.
        case identity
        /// A tuple names the subject or its wildcard.
        case tuple(RelationTuple)
        /// A tuple names a userset or the object behind an arrow, and that has the subject.
        case through(RelationTuple, ProofNode)
        /// One part of the expression: the first that has the subject; of a denial all.
        case union([ProofNode])
        /// All parts, or of a denial the first part that has not.
        case intersection([ProofNode])
        /// The base, and what was subtracted from it.
        case exclusion([ProofNode])
        /// All objects behind an arrow.
        case all([ProofNode])
        /// Nothing leads to the subject.
        case nothing
        /// It is explained elsewhere: above, as part of a cycle, or before.
        case repeated
        /// The explanation reached its limit here.
        case truncated
    }

    /// The object.
    public var resource: ObjectReference
    /// The relation or permission; empty for a part of an expression.
    public var permission: String
    /// The answer of this step.
    public var decision: Decision
    /// What it rests on.
    public var reason: Reason

    /// Makes a step.
    public init(resource: ObjectReference, permission: String, decision: Decision, reason: Reason) {
        self.resource = resource
        self.permission = permission
        self.decision = decision
        self.reason = reason
    }
}

/// A set of changes that would make a denied check has.
public struct Suggestion: Hashable, Sendable {
    /// Tuples to add, in the order of reads.
    public var add: [RelationTuple]
    /// Tuples to remove, in the order of reads.
    public var remove: [RelationTuple]
    /// Caveats that must hold or must not hold, each with the values of the request that decide it.
    public var context: [ContextNeed]

    /// A caveat that must hold or must not hold.
    ///
    /// Whatever values make it so, if only those named here change, the answer is has.
    public struct ContextNeed: Hashable, Sendable {
        /// The tuple that carries it.
        public var tuple: RelationTuple
        /// Whether it must hold; otherwise it must not.
        public var mustHold: Bool
        /// The context that is missing, by name, sorted.
        public var missing: [String]
        /// The context that was given and must have other values, by name, sorted.
        public var wrong: [String]

        /// Makes a need.
        public init(tuple: RelationTuple, mustHold: Bool, missing: [String], wrong: [String] = []) {
            self.tuple = tuple
            self.mustHold = mustHold
            self.missing = missing
            self.wrong = wrong
        }
    }

    /// Makes a set of changes.
    public init(add: [RelationTuple], remove: [RelationTuple] = [], context: [ContextNeed] = []) {
        self.add = add
        self.remove = remove
        self.context = context
    }

    /// How many changes it is.
    public var size: Int { add.count + remove.count + context.count }
}

/// An explanation and the revision at which it holds.
public struct ExplainAnswer: Hashable, Sendable {
    /// The explanation.
    public var explanation: Explanation
    /// The revision at which it was evaluated.
    public var zookie: Zookie

    /// Makes an answer.
    public init(explanation: Explanation, zookie: Zookie) {
        self.explanation = explanation
        self.zookie = zookie
    }
}
