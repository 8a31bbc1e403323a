// Pemba: changes as they happen, in frames.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

extension WatchRequest {
    /// Appends the payload of a `watch` frame.
    package func encode(deadlineMilliseconds: UInt32, window: UInt16, into output: inout ByteWriter) {
        output.integer(deadlineMilliseconds)
        output.integer(window)
        switch start {
        case .now: output.integer(UInt8(0))
        case .after(let zookie):
            output.integer(UInt8(1))
            zookie.encode(into: &output)
        case .snapshot: output.integer(UInt8(2))
        }
        output.count(filters.count)
        for filter in filters { output.filter(filter) }
        output.boolean(includesSchema)
    }

    /// Reads the payload of a `watch` frame.
    package static func decode(_ payload: UnsafeRawBufferPointer) throws(ByteError) -> Streamed<WatchRequest> {
        try Streamed.decode(payload) { reader throws(ByteError) in
            let start = try Start(reading: &reader)
            let filters = try reader.list(limit: Limits.watchFilters) { reader throws(ByteError) in
                try reader.filter()
            }
            let includesSchema = try reader.boolean(field: "schema changes wanted")
            return WatchRequest(start: start, filters: filters, includesSchema: includesSchema)
        }
    }
}

extension WatchRequest.Start {
    fileprivate init(reading reader: inout ByteReader) throws(ByteError) {
        let tag: UInt8 = try reader.integer()
        switch tag {
        case 0: self = .now
        case 1: self = .after(try reader.zookie())
        case 2: self = .snapshot
        default: throw .invalidValue(field: "watch start", value: UInt64(tag))
        }
    }
}

extension WatchEvent: StreamItem {
    /// Tuples or changes of one event.
    package static let listMax = 10_000

    package static var frameType: FrameType { .watchEvents }

    package func encode(into output: inout ByteWriter) {
        switch self {
        case .tuples(let tuples):
            output.integer(UInt8(1))
            output.tuples(tuples)
        case .changes(let zookie, let time, let changes, let metadata, let isLast):
            output.integer(UInt8(2))
            zookie.encode(into: &output)
            output.integer(time.nanoseconds)
            output.count(changes.count)
            for change in changes {
                output.integer(change.kind.rawValue)
                output.tuple(change.tuple)
            }
            output.context(metadata)
            output.boolean(isLast)
        case .schema(let zookie, let source):
            output.integer(UInt8(3))
            zookie.encode(into: &output)
            output.string(source)
        case .checkpoint(let zookie):
            output.integer(UInt8(4))
            zookie.encode(into: &output)
        }
    }

    package init(reading reader: inout ByteReader) throws(ByteError) {
        let tag: UInt8 = try reader.integer()
        switch tag {
        case 1: self = .tuples(try reader.tuples(limit: WatchEvent.listMax))
        case 2:
            self = .changes(
                zookie: try reader.zookie(),
                time: Timestamp(nanoseconds: try reader.integer()),
                changes: try reader.list(limit: WatchEvent.listMax) { reader throws(ByteError) in
                    try TupleChange(reading: &reader)
                },
                metadata: try reader.metadata(),
                isLast: try reader.boolean(field: "last event of the revision")
            )
        case 3:
            let zookie = try reader.zookie()
            self = .schema(zookie: zookie, source: try reader.string(limit: Limits.schemaBytes))
        case 4: self = .checkpoint(zookie: try reader.zookie())
        default: throw .invalidValue(field: "watch event", value: UInt64(tag))
        }
    }
}

extension TupleChange {
    fileprivate init(reading reader: inout ByteReader) throws(ByteError) {
        let number: UInt8 = try reader.integer()
        guard let kind = Kind(rawValue: number) else { throw .invalidValue(field: "change", value: UInt64(number)) }
        self.init(kind, try reader.tuple())
    }
}

// MARK: - Events that fit a frame

extension WatchEvent {
    /// Tuples as events each of which fits a frame.
    package static func events(ofTuples tuples: [RelationTuple]) -> [WatchEvent] {
        pieces(of: tuples) { $0.encodedBytesMax }.map { .tuples(Array($0)) }
    }

    /// What one revision changed as events each of which fits a frame; the metadata comes with the last.
    package static func events(
        ofChanges changes: [TupleChange],
        zookie: Zookie,
        time: Timestamp,
        metadata: ContextObject
    ) -> [WatchEvent] {
        var pieces = pieces(of: changes) { $0.tuple.encodedBytesMax + 1 }[...]
        let last = pieces.popLast() ?? []
        let events = pieces.map { piece in
            WatchEvent.changes(zookie: zookie, time: time, changes: Array(piece), metadata: .empty, isLast: false)
        }
        return events + [.changes(zookie: zookie, time: time, changes: Array(last), metadata: metadata, isLast: true)]
    }

    /// `elements` cut where their bytes would exceed those of a part, or their count that of an event.
    private static func pieces<Element>(of elements: [Element], bytes: (Element) -> Int) -> [ArraySlice<Element>] {
        var pieces: [ArraySlice<Element>] = []
        var first = 0
        var total = 0
        for (place, element) in elements.enumerated() {
            let size = bytes(element)
            if place > first, total + size > StreamLimits.partBytes || place - first == listMax {
                pieces.append(elements[first..<place])
                (first, total) = (place, 0)
            }
            total += size
        }
        if first < elements.count { pieces.append(elements[first...]) }
        return pieces
    }
}

extension WatchEnd {
    /// Appends the payload of a `watchAnswer` frame.
    package func encode(into output: inout ByteWriter) { zookie.encode(into: &output) }

    /// Reads the payload of a `watchAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        try reader.expectEnd()
        self.init(zookie: zookie)
    }
}
