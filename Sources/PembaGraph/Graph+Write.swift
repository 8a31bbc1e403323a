// Pemba: validating, adding and removing tuples.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A tuple's names in the graph's numbers.
struct TupleNumbers {
    var type: UInt32
    var relation: UInt32
    var node: UInt32
    var subjectType: UInt32
    var subjectRelation: UInt32
    /// The place of the subject's kind among those admitted.
    var admittedPlace: Int
}

extension Graph {
    /// Checks that a tuple may be created, touched or deleted: names, ids, and that the relation admits the subject.
    package func validate(_ tuple: RelationTuple) throws(GraphError) {
        for (role, id) in [("resource", tuple.resource.id), ("subject", tuple.subject.object.id)] {
            if let problem = ObjectReference.problem(ofID: id) {
                throw .invalidArgument("the \(role) of `\(tuple)`: \(problem)")
            }
        }
        if tuple.resource.id.hasSameBytes(as: SubjectReference.wildcardID) {
            throw .invalidArgument(
                "the resource of `\(tuple)`: `*` stands for all subjects of a type, not for a resource"
            )
        }
        if tuple.subject.isWildcard && tuple.subject.relation != nil {
            throw .invalidArgument("the subject of `\(tuple)`: a wildcard has no relation")
        }
        _ = try tuple.withView { view throws(GraphError) in try locate(view) }
    }

    /// Whether the tuple is stored.
    package func contains(_ tuple: RelationTuple) -> Bool {
        tuple.withView { view in
            guard let numbers = try? locate(view) else { return false }
            let resource = entities.find(type: numbers.type, id: view.resourceID)
            let subject = entities.find(type: numbers.subjectType, id: view.subjectID)
            guard resource != EntityNumber.none, subject != EntityNumber.none else { return false }
            let entry = RowEntry.make(
                relation: numbers.relation,
                subjectRelation: numbers.subjectRelation,
                entity: subject
            )
            return rows.contains(RowWord(raw: entities.records[Int(resource)].forward), entry)
        }
    }

    /// Adds a valid tuple; false if it was there.
    package func insert(_ tuple: RelationTuple) -> Bool {
        tuple.withView { view in
            guard let numbers = try? locate(view) else {
                preconditionFailure("`\(tuple)` was inserted without validation")
            }
            return insert(view, numbers)
        }
    }

    /// Removes a tuple; false if it was not there.
    package func remove(_ tuple: RelationTuple) -> Bool {
        tuple.withView { view in
            guard let numbers = try? locate(view) else { return false }
            let resource = entities.find(type: numbers.type, id: view.resourceID)
            let subject = entities.find(type: numbers.subjectType, id: view.subjectID)
            guard resource != EntityNumber.none, subject != EntityNumber.none else { return false }
            let entry = RowEntry.make(
                relation: numbers.relation,
                subjectRelation: numbers.subjectRelation,
                entity: subject
            )
            guard rows.remove(forward(resource), entry) else { return false }
            let mirror = RowEntry.make(
                relation: numbers.relation,
                subjectRelation: numbers.subjectRelation,
                entity: resource
            )
            let hadMirror = rows.remove(reverse(subject), mirror)
            precondition(hadMirror, "a tuple was in the forward index only")
            count(numbers, view, by: -1)
            snapshot?.didRemove(resource, entry, view)
            reclaimIfUnused(resource, view.resourceID)
            if subject != resource { reclaimIfUnused(subject, view.subjectID) }
            return true
        }
    }

    // MARK: Parts

    @inline(__always)
    func forward(_ entity: UInt32) -> UnsafeMutablePointer<UInt64> {
        let record = UnsafeMutableRawPointer(entities.records + Int(entity))
        return (record + 8).assumingMemoryBound(to: UInt64.self)
    }

    @inline(__always)
    func reverse(_ entity: UInt32) -> UnsafeMutablePointer<UInt64> {
        let record = UnsafeMutableRawPointer(entities.records + Int(entity))
        return (record + 16).assumingMemoryBound(to: UInt64.self)
    }

    /// Looks up a tuple's names.
    func locate(_ view: CheckView) throws(GraphError) -> TupleNumbers {
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
        let key = AdmittedKey.make(type: subjectType, relation: isWildcard ? AdmittedKey.wildcard : subjectRelation)
        guard let place = linked.admittedPlace(node, key) else { throw notAdmitted(view, node) }
        return TupleNumbers(
            type: type,
            relation: relation,
            node: node,
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

    private func notAdmitted(_ view: CheckView, _ node: UInt32) -> GraphError {
        let start = Int(linked.nodes[Int(node)].admittedStart)
        let places = start..<(start + Int(linked.nodes[Int(node)].admittedCount))
        return .subjectNotAllowed(
            RelationTuple(view),
            admitted: places.map { linked.describe(admitted: linked.admitted[$0]) }
        )
    }

    /// Adds a tuple whose names are looked up; false if it was there.
    func insert(_ view: CheckView, _ numbers: TupleNumbers) -> Bool {
        let resource = intern(type: numbers.type, view.resourceID)
        return insert(view, numbers, resource: resource)
    }

    /// Adds a tuple to a resource that has its number.
    func insert(_ view: CheckView, _ numbers: TupleNumbers, resource: UInt32) -> Bool {
        let subject = intern(type: numbers.subjectType, view.subjectID)
        let entry = RowEntry.make(relation: numbers.relation, subjectRelation: numbers.subjectRelation, entity: subject)
        guard rows.insert(forward(resource), entry) else { return false }
        let mirror = RowEntry.make(
            relation: numbers.relation,
            subjectRelation: numbers.subjectRelation,
            entity: resource
        )
        let isNew = rows.insert(reverse(subject), mirror)
        precondition(isNew, "a tuple was in the reverse index only")
        count(numbers, view, by: 1)
        snapshot?.didInsert(resource, entry)
        return true
    }

    /// Keeps counts and the fingerprint in step with a change.
    func count(_ numbers: TupleNumbers, _ view: CheckView, by change: Int) {
        tupleCount += change
        linked.admittedTuples[numbers.admittedPlace] += change
        var hasher = TupleHasher()
        hasher.part(view.resourceType)
        hasher.part(view.resourceID)
        hasher.part(view.permission)
        hasher.part(view.subjectType)
        hasher.part(view.subjectID)
        hasher.part(view.subjectRelation)
        if change > 0 { contentHash.add(hasher.finish()) } else { contentHash.subtract(hasher.finish()) }
    }

    /// The number of an entity, which gets one if it has none.
    func intern(type: UInt32, _ id: UnsafeRawBufferPointer) -> UInt32 {
        let (entity, isNew) = entities.intern(type: type, id: id)
        if isNew {
            if id.count == 1, id[0] == UInt8(ascii: "*") { hot.pointee.view.wildcards[Int(type)] = entity }
            order?.didAdd(entity, entities)
        }
        return entity
    }

    private func reclaimIfUnused(_ entity: UInt32, _ id: UnsafeRawBufferPointer) {
        let record = entities.records[Int(entity)]
        guard record.forward == 0, record.reverse == 0 else { return }
        if id.count == 1, id[0] == UInt8(ascii: "*") {
            hot.pointee.view.wildcards[Int(record.type)] = EntityNumber.none
        }
        order?.willRemove(entity, entities)
        entities.reclaim(entity)
    }
}

extension RelationTuple {
    /// Calls `body` with the tuple's bytes.
    func withView<Result, Failure: Error>(
        _ body: (CheckView) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var parts = (
            resource.type, resource.id, relation, subject.object.type, subject.object.id, subject.relation ?? ""
        )
        // Native strings only: a bridged one would hand out bytes that die with the closure.
        parts.0.makeContiguousUTF8()
        parts.1.makeContiguousUTF8()
        parts.2.makeContiguousUTF8()
        parts.3.makeContiguousUTF8()
        parts.4.makeContiguousUTF8()
        parts.5.makeContiguousUTF8()
        return try Strings.withBytes(&parts.0) { type throws(Failure) in
            try Strings.withBytes(&parts.1) { id throws(Failure) in
                try Strings.withBytes(&parts.2) { relation throws(Failure) in
                    try Strings.withBytes(&parts.3) { subjectType throws(Failure) in
                        try Strings.withBytes(&parts.4) { subjectID throws(Failure) in
                            try Strings.withBytes(&parts.5) { subjectRelation throws(Failure) in
                                try body(
                                    CheckView(
                                        resourceType: type,
                                        resourceID: id,
                                        permission: relation,
                                        subjectType: subjectType,
                                        subjectID: subjectID,
                                        subjectRelation: subjectRelation
                                    )
                                )
                            }
                        }
                    }
                }
            }
        }
    }

    /// Makes a tuple of its bytes.
    init(_ view: CheckView) {
        self.init(
            resource: ObjectReference(
                type: String(decoding: view.resourceType, as: UTF8.self),
                id: String(decoding: view.resourceID, as: UTF8.self)
            ),
            relation: String(decoding: view.permission, as: UTF8.self),
            subject: SubjectReference(
                type: String(decoding: view.subjectType, as: UTF8.self),
                id: String(decoding: view.subjectID, as: UTF8.self),
                relation: view.subjectRelation.isEmpty ? nil : String(decoding: view.subjectRelation, as: UTF8.self)
            )
        )
    }
}

/// Borrowing the bytes of strings with typed errors.
private enum Strings {
    @inline(__always)
    static func withBytes<Result, Failure: Error>(
        _ text: inout String,
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let outcome: Swift.Result<Result, Failure> = text.withUTF8 { utf8 in
            do throws(Failure) { return .success(try body(UnsafeRawBufferPointer(utf8))) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
