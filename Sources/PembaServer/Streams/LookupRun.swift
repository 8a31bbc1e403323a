// Pemba: a lookup under way.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaService
import PembaWire

/// A lookup of resources or of subjects, which a job runs in slices and then empties into its stream.
enum LookupRun {
    case resources(ResourceLookup, query: UInt32)
    case subjects(SubjectLookup, query: UInt32)

    /// Goes on for about `slice` visits; true once the results are complete.
    ///
    /// Those that are ready may be emitted earlier.
    func run(slice: Int) throws(GraphError) -> Bool {
        switch self {
        case .resources(let lookup, _): try lookup.run(slice: slice)
        case .subjects(let lookup, _): try lookup.run(slice: slice)
        }
    }

    /// Lets go of the graph before it changes.
    func hold() {
        switch self {
        case .resources(let lookup, _): lookup.hold()
        case .subjects(let lookup, _): lookup.hold()
        }
    }

    /// Goes on with a basis of the state that it was begun at.
    func move(to basis: Basis) {
        switch self {
        case .resources(let lookup, _): lookup.move(to: basis)
        case .subjects(let lookup, _): lookup.move(to: basis)
        }
    }

    /// How many results are ready that were not emitted.
    var waitingCount: Int {
        switch self {
        case .resources(let lookup, _): lookup.waitingCount
        case .subjects(let lookup, _): lookup.waitingCount
        }
    }

    /// Where the next call goes on once all results are given; nil if there are no more.
    var next: LookupPosition? {
        switch self {
        case .resources(let lookup, _): lookup.next
        case .subjects(let lookup, _): lookup.next
        }
    }

    /// The checksum of the query.
    var query: UInt32 {
        switch self {
        case .resources(_, let query), .subjects(_, let query): query
        }
    }

    /// The frame that ends the stream.
    var endFrame: FrameType {
        switch self {
        case .resources: .lookupResourcesAnswer
        case .subjects: .lookupSubjectsAnswer
        }
    }

    /// Makes parts of the next results that are ready, at most `most`; gives the last; nil if there were none.
    func emit(_ most: Int, into stream: AnswerStream, _ zookie: EncodedZookie) -> LookupPosition? {
        switch self {
        case .resources(let lookup, _): LookupRun.emit(lookup, most, into: stream, zookie)
        case .subjects(let lookup, _): LookupRun.emit(lookup, most, into: stream, zookie)
        }
    }

    private static func emit(
        _ lookup: ResourceLookup,
        _ most: Int,
        into stream: AnswerStream,
        _ zookie: EncodedZookie
    ) -> LookupPosition? {
        var last: (permission: Int, id: UnsafeRawBufferPointer)?
        stream.append { output in
            var part = FoundResourcesWriter(zookie: zookie, correlation: stream.request.correlation, into: &output)
            _ = lookup.nextBatch(most) { permission, id, decision in
                last = (permission, id)
                if part.append(permission, id, decision, into: &output) { return }
                // The frame is full: it ends here, and this result begins another one behind it.
                _ = part.end(in: &output)
                stream.append { $0 = output }
                output = ByteWriter(capacity: StreamLimits.partBytes)
                part = FoundResourcesWriter(zookie: zookie, correlation: stream.request.correlation, into: &output)
                _ = part.append(permission, id, decision, into: &output)
            }
            _ = part.end(in: &output)
        }
        return last.map {
            LookupPosition(permission: $0.permission, kind: 0, id: String(decoding: $0.id, as: UTF8.self))
        }
    }

    private static func emit(
        _ lookup: SubjectLookup,
        _ most: Int,
        into stream: AnswerStream,
        _ zookie: EncodedZookie
    ) -> LookupPosition? {
        var last: LookupPosition?
        var pieces: [FoundSubjectPiece] = []
        _ = lookup.nextBatch(most) { subject in
            last = LookupPosition(permission: subject.permission, kind: subject.kind, id: subject.id)
            subject.appendPieces(to: &pieces)
        }
        var rest = pieces[...]
        while !rest.isEmpty {
            stream.append { output in
                var part = StreamPart<FoundSubjectPiece>(
                    zookie: zookie,
                    correlation: stream.request.correlation,
                    into: &output
                )
                while let piece = rest.first, part.append(piece, into: &output) { rest.removeFirst() }
                _ = part.end(in: &output)
            }
        }
        return last
    }
}

extension StreamPart<FoundResource> {
    /// Appends a result whose id is borrowed; false if the frame has no room for it.
    @inline(__always)
    fileprivate mutating func append(
        _ permission: Int,
        _ id: UnsafeRawBufferPointer,
        _ decision: Decision,
        into output: inout ByteWriter
    ) -> Bool {
        if decision.permissionship == .hasPermission { return append(permission: permission, id: id, into: &output) }
        let text = String(decoding: id, as: UTF8.self)
        return append(FoundResource(permission: permission, id: text, decision: decision), into: &output)
    }
}
