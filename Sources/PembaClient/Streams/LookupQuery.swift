// Pemba: lookups as streams.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// What the two kinds of lookups have in common.
protocol LookupRequest: Sendable {
    associatedtype Found: StreamItem, Sendable

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
    static var type: FrameType { .lookupResources }

    static func place(of found: FoundResource) -> (permission: Int, kind: Int, id: String) {
        (found.permission, 0, found.id)
    }
}

extension LookupSubjectsRequest: LookupRequest {
    static var type: FrameType { .lookupSubjects }

    static func place(of found: FoundSubject) -> (permission: Int, kind: Int, id: String) {
        (found.permission, found.kind, found.id)
    }
}

/// A lookup and how far it has come: a cursor after the last result goes on at its revision, on any node.
struct LookupQuery<Request: LookupRequest>: StreamQuery {
    private var request: Request
    private let consistency: Consistency?
    private let checksum: UInt32
    /// How many results are still wanted; nil for all.
    private var wanted: Int?
    private var isOneCall = false

    init(_ request: Request, _ consistency: Consistency?) {
        precondition(request.limit ?? 1 > 0, "a lookup asks for one result at least")
        self.request = request
        self.consistency = consistency
        wanted = request.limit
        checksum = request.queryChecksum
    }

    var type: FrameType { Request.type }
    var itemsType: FrameType { Request.Found.frameType }

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
        let part = try StreamPart<Request.Found>.decode(payload)
        guard let last = part.items.last else { return [] }
        let place = Request.place(of: last)
        request.cursor = LookupCursor(
            zookie: part.zookie,
            queryChecksum: checksum,
            permission: place.permission,
            kind: place.kind,
            id: place.id
        )
        if let wanted { self.wanted = max(wanted - part.items.count, 0) }
        return part.items
    }

    mutating func end(in payload: UnsafeRawBufferPointer) throws(ByteError) -> StreamTurn<Request.Found, LookupEnd> {
        let end = try LookupEnd(decoding: payload)
        guard let next = end.next, wanted != 0, !isOneCall else { return .done(end) }
        // The call gave as much as one call gives, and more is wanted.
        request.cursor = next
        return .another([])
    }
}
