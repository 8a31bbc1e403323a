// Pemba: lookups as streams.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// What the two kinds of lookups have in common.
protocol LookupRequest: Sendable {
    associatedtype Found: Sendable
    /// What results travel as.
    associatedtype Piece: StreamItem
    /// What has come of a result that is not whole yet.
    associatedtype Pieces: ResultPieces<Piece, Found>

    static var type: FrameType { get }

    var consistency: Consistency { get set }
    var limit: Int? { get set }
    var cursor: LookupCursor? { get set }
    var queryChecksum: UInt32 { get }

    func encode(deadlineMilliseconds: UInt32, window: UInt16, into output: inout ByteWriter)

    /// Where `found` is among the results.
    static func place(of found: Found) -> (permission: Int, kind: Int, id: String)
}

extension LookupResourcesRequest: LookupRequest {
    typealias Pieces = WholeResources

    static var type: FrameType { .lookupResources }

    static func place(of found: FoundResource) -> (permission: Int, kind: Int, id: String) {
        (found.permission, 0, found.id)
    }
}

extension LookupSubjectsRequest: LookupRequest {
    typealias Pieces = FoundSubjectPieces

    static var type: FrameType { .lookupSubjects }

    static func place(of found: FoundSubject) -> (permission: Int, kind: Int, id: String) {
        (found.permission, found.kind, found.id)
    }
}

/// Makes results of the pieces in which they travel.
protocol ResultPieces<Piece, Found>: Sendable {
    associatedtype Piece
    associatedtype Found

    init()
    /// Takes the next pieces in; gives the results that are whole.
    mutating func add(_ pieces: [Piece]) throws(ByteError) -> [Found]
}

extension FoundSubjectPieces: ResultPieces {}

/// Resources, which travel whole.
struct WholeResources: ResultPieces {
    func add(_ pieces: [FoundResource]) -> [FoundResource] { pieces }
}

/// A lookup and how far it has come: a cursor after the last result goes on at its revision, on any node.
struct LookupQuery<Request: LookupRequest>: StreamQuery {
    private var request: Request
    private let consistency: Consistency?
    private let checksum: UInt32
    /// How many results are still wanted; nil for all.
    private var wanted: Int?
    private var isOneCall = false
    /// Of a result that a connection did not bring to its end nothing is kept: the cursor is before it.
    private var pieces = Request.Pieces()

    init(_ request: Request, _ consistency: Consistency?) {
        precondition(request.limit ?? 1 > 0, "a lookup asks for one result at least")
        self.request = request
        self.consistency = consistency
        wanted = request.limit
        checksum = request.queryChecksum
    }

    var type: FrameType { Request.type }
    var itemsType: FrameType { Request.Piece.frameType }

    /// When all results that were wanted are there, the last of them says where to go on; whether anything is left
    /// there, the next call finds out.
    var reachedEnd: LookupEnd? {
        guard wanted == 0, let cursor = request.cursor else { return nil }
        return LookupEnd(zookie: cursor.zookie, next: cursor)
    }

    func asOneCall() -> LookupQuery {
        var query = self
        query.isOneCall = true
        return query
    }

    mutating func beginRequest() { pieces = Request.Pieces() }

    func encode(
        deadlineMilliseconds: UInt32,
        newestWrite: Zookie?,
        window: UInt16,
        into output: inout ByteWriter
    ) {
        var request = request
        request.consistency = LookupQuery.resolved(consistency, newestWrite)
        request.limit = wanted.map { min($0, Limits.lookupResults) }
        request.encode(deadlineMilliseconds: deadlineMilliseconds, window: window, into: &output)
    }

    mutating func items(in payload: UnsafeRawBufferPointer) throws(ByteError) -> [Request.Found] {
        let part = try StreamPart<Request.Piece>.decode(payload)
        let found = try pieces.add(part.items)
        guard let last = found.last else { return [] }
        let place = Request.place(of: last)
        request.cursor = LookupCursor(
            zookie: part.zookie,
            queryChecksum: checksum,
            permission: place.permission,
            kind: place.kind,
            id: place.id
        )
        if let wanted { self.wanted = max(wanted - found.count, 0) }
        return found
    }

    mutating func end(in payload: UnsafeRawBufferPointer) throws(ByteError) -> StreamTurn<Request.Found, LookupEnd> {
        let end = try LookupEnd(decoding: payload)
        guard let next = end.next, wanted != 0, !isOneCall else { return .done(end) }
        // The call gave as much as one call gives, and more is wanted.
        request.cursor = next
        return .another([])
    }
}
