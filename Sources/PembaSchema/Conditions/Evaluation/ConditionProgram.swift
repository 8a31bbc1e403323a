// Pemba: the flat form of a checked expression.
// SPDX-License-Identifier: Apache-2.0

/// An expression as a table of instructions that refer to each other by number.
///
/// Names are resolved, constants are values, and what is written as a constant pattern or block of addresses is parsed:
/// an evaluation looks nothing up and allocates nothing for the usual operators.
struct ConditionProgram: Sendable {
    /// The number of an instruction.
    typealias Node = Int32

    /// One operation on the results of others.
    enum Instruction: Sendable {
        case constant(Int32)
        case parameter(Int32)
        /// The variable of a macro, by how many macros stand around it.
        case local(Int32)
        case not(Node)
        /// True if all of a stretch of `operands` are.
        case all(first: Int32, count: Int32)
        /// True if any of a stretch of `operands` is.
        case any(first: Int32, count: Int32)
        case conditional(Node, then: Node, else: Node)
        /// The value in a map for a constant key, as an optional value if that or the map is to be one.
        case field(Node, key: Int32, isOptional: Bool)
        /// Whether a map has a constant key.
        case hasField(Node, key: Int32)
        /// What a list or map has at a place, as an optional value if that or the whole is to be one.
        case index(Node, Node, isOptional: Bool)
        /// What the first holds or else the second: `or` of two optional values, `orValue` of one and a default.
        case alternative(ConditionFunction, Node, Node)
        /// What an optional value holds: among the operands of a list or map, which go without it where it is absent.
        case optionalEntry(Node)
        case list(first: Int32, count: Int32)
        /// A stretch of `operands`, of which every first is a key and every second its value.
        case map(first: Int32, count: Int32)
        case unary(ConditionFunction, Node)
        case binary(ConditionFunction, Node, Node)
        /// Whether an address lies in a constant block.
        case inBlock(Node, block: Int32)
        /// Whether a constant pattern occurs in a text.
        case matches(Node, pattern: Int32)
        case fold(Int32)
        /// `optMap`: an expression for what an optional value holds, which stands at a place among the variables.
        case optionalMap(Node, slot: Int32, transform: Node)
    }

    /// A macro: an expression for each element of a list or key of a map.
    struct Fold: Sendable {
        enum Kind: Sendable {
            case all
            case exists
            case existsOne
            case filter
            case map
        }

        let kind: Kind
        /// What is gone through.
        let range: Node
        /// The place of its variable among those of the macros around it.
        let slot: Int32
        /// What decides about an element; nil for a `map` that takes every one.
        let predicate: Node?
        /// What a `map` makes of an element.
        let transform: Node?
    }

    var instructions: [Instruction] = []
    var operands: [Node] = []
    var constants: [ConditionValue] = []
    var blocks: [CIDRBlock] = []
    var patterns: [RegularExpression] = []
    var folds: [Fold] = []
    var root: Node = 0
}

/// A finished program, which an evaluation refers to instead of copying its tables.
final class SealedProgram: Sendable {
    let tables: ConditionProgram

    init(_ tables: ConditionProgram) { self.tables = tables }
}
