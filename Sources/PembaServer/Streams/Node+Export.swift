// Pemba: sending all tuples of one revision.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaWire

extension Node {
    /// Tuples that one turn of an export reads.
    private static let exportPage = 2_000

    /// Reads the next page of an export; the first time the job begins the stream.
    func runExport(_ job: EvaluationJob, _ request: ExportRequest, window: Int) throws(RequestError) {
        let consistency = Consistency(request.consistency, continuing: request.cursor?.zookie)
        if job.stream == nil {
            let state = try state(consistency)
            let graph = replica.stateMachine.graph
            try RequestError.asking { () throws(GraphError) in try graph.validate(request.filter, in: state.basis) }
            let progress = ExportProgress(filter: request.filter, zookie: state.zookie, after: request.cursor?.last)
            job.stream = open(job.request, window: window, source: .export(progress))
        }
        guard let stream = job.stream, case .export(var progress) = stream.source else { return drop(job) }
        let graph = replica.stateMachine.graph
        let basis = try RequestError.asking { () throws(GraphError) in
            try graph.basis(at: progress.zookie.revision)
        }
        let step = graph.read(
            progress.filter,
            in: basis,
            after: progress.after,
            limit: Node.exportPage,
            progress: progress.pages
        )
        switch step {
        case .again: return requeue(job)
        case .page(let tuples, let next):
            append(tuples, to: stream, progress.zookie)
            progress.count += UInt64(tuples.count)
            progress.after = next
            progress.isQueued = false
            stream.source = .export(progress)
            if next == nil { end(stream, progress) }
        }
        drop(job)
        pump(stream)
    }

    /// Queues a job that makes the next page, unless one is queued.
    func queueExport(_ stream: AnswerStream, _ progress: ExportProgress) {
        guard !progress.isQueued else { return }
        var queued = progress
        queued.isQueued = true
        stream.source = .export(queued)
        let job = EvaluationJob(stream.request, copying: UnsafeRawBufferPointer(start: nil, count: 0))
        job.stream = stream
        evaluations.append(job)
        scheduleTurn()
    }

    private func append(_ tuples: [RelationTuple], to stream: AnswerStream, _ zookie: Zookie) {
        var rest = tuples[...]
        while !rest.isEmpty {
            stream.append { output in
                var part = StreamPart<RelationTuple>(
                    zookie: EncodedZookie(zookie),
                    correlation: stream.request.correlation,
                    into: &output
                )
                while let tuple = rest.first, part.append(tuple, into: &output) { rest.removeFirst() }
                _ = part.end(in: &output)
            }
        }
    }

    private func end(_ stream: AnswerStream, _ progress: ExportProgress) {
        var writer = ByteWriter()
        FrameWriter.frame(type: .exportAnswer, correlation: stream.request.correlation, into: &writer) { output in
            ExportEnd(zookie: progress.zookie, count: progress.count).encode(into: &output)
        }
        stream.ending = writer.bytes
        stream.source = .exhausted
    }
}
