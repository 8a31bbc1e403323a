// Pemba: answering lookups.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaWire

extension Node {
    /// Results that are made into parts between two looks at the clock.
    private static let resultsPerStep = 4_096
    /// Bytes of parts that one stream may keep waiting, and all streams together; a lookup that would exceed them ends
    /// early, with a cursor.
    private static let waitingPartBytesMax = 64 << 20
    private static let allWaitingPartBytesMax = 256 << 20

    /// Does the next step of a lookup of resources.
    func runLookup(_ job: EvaluationJob, _ request: LookupResourcesRequest, window: Int) throws(RequestError) {
        if job.lookup == nil {
            let consistency = Consistency(request.consistency, continuing: request.cursor?.zookie)
            let state = try state(consistency, adding: request.context.tuples)
            job.begin(at: state)
            let lookup = try RequestError.asking { () throws(GraphError) in
                try ResourceLookup(graph: replica.stateMachine.graph, basis: state.basis, request: request)
            }
            job.lookup = .resources(lookup, query: request.queryChecksum)
        }
        try continueLookup(job, window: window)
    }

    /// Does the next step of a lookup of subjects.
    func runLookup(_ job: EvaluationJob, _ request: LookupSubjectsRequest, window: Int) throws(RequestError) {
        if job.lookup == nil {
            let consistency = Consistency(request.consistency, continuing: request.cursor?.zookie)
            let state = try state(consistency, adding: request.context.tuples)
            job.begin(at: state)
            let lookup = try RequestError.asking { () throws(GraphError) in
                try SubjectLookup(graph: replica.stateMachine.graph, basis: state.basis, request: request)
            }
            job.lookup = .subjects(lookup, query: request.queryChecksum)
        }
        try continueLookup(job, window: window)
    }

    /// Goes on with finding, and makes parts of what is ready.
    private func continueLookup(_ job: EvaluationJob, window: Int) throws(RequestError) {
        guard let lookup = job.lookup, let zookie = job.zookie else { return }
        let isComplete = try RequestError.asking { () throws(GraphError) in
            try lookup.run(slice: configuration.limits.evaluationSliceVisits)
        }
        guard isComplete || lookup.waitingCount > 0 else { return }
        // The first go ahead of all others: the client has them while the rest is made.
        let isFirst = job.stream == nil
        let stream = job.stream ?? open(job.request, window: window, source: .evaluation)
        job.stream = stream
        let most = isFirst ? ResourceLookup.firstResults : Node.resultsPerStep
        let last = lookup.emit(most, into: stream, EncodedZookie(zookie))
        if isComplete, lookup.waitingCount == 0 {
            end(job, stream, lookup, zookie, next: lookup.next)
        } else if let last, stream.waitingBytes > Node.waitingPartBytesMax || streamBytes > Node.allWaitingPartBytesMax
        {
            end(job, stream, lookup, zookie, next: last)
        }
        pump(stream)
    }

    private func end(
        _ job: EvaluationJob,
        _ stream: AnswerStream,
        _ lookup: LookupRun,
        _ zookie: Zookie,
        next: LookupPosition?
    ) {
        var writer = ByteWriter()
        let cursor = next.map {
            LookupCursor(
                zookie: zookie,
                queryChecksum: lookup.query,
                permission: $0.permission,
                kind: $0.kind,
                id: $0.id
            )
        }
        let end = LookupEnd(zookie: zookie, next: cursor)
        FrameWriter.frame(type: lookup.endFrame, correlation: stream.request.correlation, into: &writer) { output in
            end.encode(queryChecksum: lookup.query, into: &output)
        }
        stream.ending = writer.bytes
        stream.source = .exhausted
        drop(job)
    }
}
