// Pemba: exports as streams.
// SPDX-License-Identifier: Apache-2.0

import PembaWire

/// All tuples that a filter means, and how far the export has come.
struct ExportQuery: StreamQuery {
    private let filter: RelationshipFilter
    private let consistency: Consistency?
    private var cursor: ReadCursor?
    private var count: UInt64 = 0

    init(_ filter: RelationshipFilter, _ consistency: Consistency?) {
        self.filter = filter
        self.consistency = consistency
    }

    var type: FrameType { .export }
    var itemsType: FrameType { RelationTuple.frameType }

    func encode(
        deadlineMilliseconds: UInt32,
        newestWrite: Zookie?,
        window: UInt16,
        into output: inout ByteWriter
    ) {
        let consistency = ExportQuery.resolved(consistency, newestWrite)
        ExportRequest(consistency: consistency, filter: filter, cursor: cursor)
            .encode(deadlineMilliseconds: deadlineMilliseconds, window: window, into: &output)
    }

    mutating func items(in payload: UnsafeRawBufferPointer) throws(ByteError) -> [RelationTuple] {
        let part = try StreamPart<RelationTuple>.decode(payload)
        guard let last = part.items.last else { return [] }
        cursor = ReadCursor(
            last: last.key,
            filterChecksum: ReadCursor.checksum(of: filter),
            zookie: part.zookie
        )
        count += UInt64(part.items.count)
        return part.items
    }

    mutating func end(in payload: UnsafeRawBufferPointer) throws(ByteError) -> StreamTurn<RelationTuple, ExportEnd> {
        .done(ExportEnd(zookie: try ExportEnd(decoding: payload).zookie, count: count))
    }
}
