// Pemba: a schema in the graph's own numbers.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// A compiled schema as a flat program over stable numbers.
///
/// A type's number, and a relation's number in its type, are the same in every later schema that has the name, because
/// records and rows hold them. Numbers of names that are gone are given to new ones: a schema is only replaced if no
/// tuple needs the name.
final class LinkedSchema {
    /// A type by its number.
    struct LinkedType {
        var name = ""
        /// The place of its definition in the schema.
        var definition = 0
        /// Names of relations and permissions by number; 0 and free numbers are empty.
        var relationNames: [String] = []
        /// The number of each relation by its place in the definition.
        var numbers: [UInt32] = []
        /// The place of this type's name among the names of all types, by bytes.
        var rank = 0
        /// The place of each relation's name, by number, among the names of this type's relations, by bytes.
        var relationRanks: [Int] = []
        /// Whether it has a relation, so that it can be the resource of tuples.
        var holdsTuples = false
    }

    /// A caveat by its number.
    struct LinkedCaveat {
        var name = ""
        /// The place of the caveat in the schema.
        var place = 0
    }

    let schema: CompiledSchema
    let names: NameIndex
    /// Caveats by number; number 0 and free numbers have no name.
    let caveats: [LinkedCaveat]
    /// Types by number; number 0 and free numbers have no name.
    let types: [LinkedType]
    /// The node of relation number 0 of each type; its relations follow by number.
    let nodeBase: UnsafeMutablePointer<UInt32>
    let nodes: UnsafeMutablePointer<LinkedNode>
    let nodeCount: Int
    let ops: UnsafeMutablePointer<LinkedOp>
    let operands: UnsafeMutablePointer<UInt32>
    let targets: UnsafeMutablePointer<LinkedTarget>
    /// The kinds of tuples that relations admit, in the schema's order for each relation.
    let admitted: UnsafeMutablePointer<AdmittedKind>
    /// How many tuples there are of each.
    let admittedTuples: UnsafeMutablePointer<Int>
    let admittedCount: Int
    let reachability: Reachability
    /// Made when the first lookup needs it.
    private(set) lazy var dependents = Dependents(self)

    init(_ parts: consuming Linker, schema: CompiledSchema) {
        self.schema = schema
        names = parts.names
        types = parts.types
        caveats = parts.caveats
        nodeBase = .copy(parts.nodeBase)
        nodes = .copy(parts.nodes)
        nodeCount = parts.nodes.count
        ops = .copy(parts.ops)
        operands = .copy(parts.operands)
        targets = .copy(parts.targets)
        admitted = .copy(parts.admitted)
        admittedTuples = .copy([Int](repeating: 0, count: parts.admitted.count))
        admittedCount = parts.admitted.count
        reachability = Reachability(parts)
    }

    deinit {
        names.release()
        nodeBase.deallocate()
        nodes.deallocate()
        ops.deallocate()
        operands.deallocate()
        targets.deallocate()
        admitted.deallocate()
        admittedTuples.deallocate()
        reachability.release()
    }

    /// The node of a relation or permission.
    @inline(__always)
    func node(type: UInt32, relation: UInt32) -> UInt32 { nodeBase[Int(type)] &+ relation }

    /// The name of a relation or permission.
    func relationName(type: UInt32, relation: UInt32) -> String { types[Int(type)].relationNames[Int(relation)] }

    /// The places of the kinds of tuples that a relation admits.
    @inline(__always)
    func admittedPlaces(_ node: UInt32) -> Range<Int> {
        let start = Int(nodes[Int(node)].admittedStart)
        return start..<(start + Int(nodes[Int(node)].admittedCount))
    }

    /// The place of a kind of tuple; nil if the relation does not admit it.
    @inline(__always)
    func admittedPlace(_ node: UInt32, _ kind: AdmittedKind) -> Int? {
        for place in admittedPlaces(node) where admitted[place] == kind { return place }
        return nil
    }

    /// Whether a relation admits a kind of subject, whatever the tuple carries.
    func admitsSubject(_ node: UInt32, _ kind: AdmittedKind) -> Bool {
        admittedPlaces(node).contains { admitted[$0].subject == kind.subject }
    }

    /// The number of a caveat; 0 if there is none of that name.
    func caveat(named name: String) -> UInt32 {
        UInt32(caveats.firstIndex { $0.name.hasSameBytes(as: name) && !name.isEmpty } ?? 0)
    }

    /// The caveat with a number.
    func compiledCaveat(_ number: UInt32) -> CompiledCaveat { schema.caveats[caveats[Int(number)].place] }

    /// A kind of tuple as the schema writes it.
    func describe(admitted kind: AdmittedKind) -> String {
        let name = types[Int(kind.type)].name
        let subject =
            switch kind.relation {
            case 0: name
            case AdmittedKind.wildcard: "\(name):*"
            case let relation: "\(name)#\(relationName(type: kind.type, relation: relation))"
            }
        let caveat = kind.caveat == 0 ? nil : caveats[Int(kind.caveat)].name
        let traits = [caveat, kind.hasTime ? "expiration" : nil].compactMap { $0 }
        return traits.isEmpty ? subject : "\(subject) with \(traits.joined(separator: " and "))"
    }
}

extension UnsafeMutablePointer where Pointee: BitwiseCopyable {
    /// Memory that holds a copy of `array`; never empty, so that it can always be read at its start.
    static func copy(_ array: [Pointee]) -> UnsafeMutablePointer<Pointee> {
        let pointer = UnsafeMutablePointer<Pointee>.allocate(capacity: Swift.max(array.count, 1))
        array.withUnsafeBufferPointer { source in
            if let first = source.baseAddress { pointer.initialize(from: first, count: source.count) }
        }
        return pointer
    }
}
