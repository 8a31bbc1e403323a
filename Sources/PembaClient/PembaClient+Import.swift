// Pemba: writing many tuples.
// SPDX-License-Identifier: Apache-2.0

extension PembaClient {
    /// Tuples in one request of an import unless the caller says otherwise: each is one entry of the log, and while a
    /// node applies an entry it does nothing else.
    public static let importBatch = 1_000

    /// Adds tuples in one entry of the log: all or none.
    ///
    /// - Throws: ``ClientError``; the service error `alreadyExists` if one exists and the mode is to fail.
    @discardableResult
    public func importTuples(
        _ request: ImportRequest,
        delivery: Delivery = .exactlyOnce,
        timeout: Duration? = nil
    ) async throws(ClientError) -> ImportAnswer {
        guard request.batch.count <= Limits.tuplesPerImport else {
            throw PembaClient.limit("an import", "tuples", request.batch.count, Limits.tuplesPerImport)
        }
        let operation = Operation.importTuples(request, exactlyOnce: delivery == .exactlyOnce)
        return PembaClient.imported(in: try await perform(operation, timeout: timeout))
    }

    /// Adds any number of tuples in as many requests as that takes, several of them in flight at a time.
    ///
    /// Each request is done once, however often it has to be sent, and as a whole; the import is not. Of a tuple that is
    /// given more than once with different caveats or times, any may count in the end.
    ///
    /// - Parameters:
    ///   - tuples: the tuples; taken as they are sent, so that a sequence need not hold all at once.
    ///   - mode: what becomes of tuples that exist.
    ///   - requestsInFlight: how many requests are in flight at most.
    ///   - tuplesPerRequest: how many tuples one request has at most; long ones are fewer.
    ///   - timeout: how long one request may take; nil: as configured.
    ///   - progress: told after each request how far it is.
    /// - Throws: ``ImportError``: what went wrong, and how many of the tuples, from the first on, are imported.
    public func importTuples(
        _ tuples: some Sequence<RelationTuple>,
        mode: ImportRequest.Mode,
        requestsInFlight: Int = 8,
        tuplesPerRequest: Int = PembaClient.importBatch,
        timeout: Duration? = nil,
        progress: (ImportSummary) -> Void = { _ in }
    ) async throws(ImportError) -> ImportSummary {
        precondition(requestsInFlight > 0, "an import has at least one request in flight")
        precondition((1...Limits.tuplesPerImport).contains(tuplesPerRequest), "a request of an import fits the limit")
        var batches = ImportBatches(tuples.makeIterator(), tuplesPerRequest: tuplesPerRequest)
        var tally = ImportTally()
        // Outcomes and not thrown errors: see `statusOfEndpoints`.
        let failure = await withTaskGroup(of: ImportOutcome.self) { group in
            var failure: ImportFailure?
            var inFlight = 0
            while true {
                while failure == nil, inFlight < requestsInFlight, let batch = batches.nextBatch() {
                    let first = tally.sentTuples
                    let number = tally.sent(batch.count)
                    let request = ImportRequest(batch, mode: mode)
                    inFlight += 1
                    group.addTask {
                        let operation = Operation.importTuples(request, exactlyOnce: true)
                        return ImportOutcome(
                            number: number,
                            first: first,
                            outcome: await self.outcome(of: operation, timeout: timeout)
                        )
                    }
                }
                guard let answered = await group.next() else { return failure }
                inFlight -= 1
                switch answered.outcome {
                case .success(let answer):
                    tally.answered(answered.number, PembaClient.imported(in: answer))
                    progress(tally.summary)
                case .failure(let error):
                    guard failure == nil else { continue }
                    failure = (error, error.serviceError?.position.map { answered.first + $0 })
                }
            }
        }
        if let failure {
            throw ImportError(cause: failure.cause, position: failure.position, summary: tally.summary)
        }
        return tally.summary
    }

    /// What the first request that failed ended with, and of which tuple it speaks.
    private typealias ImportFailure = (cause: ClientError, position: Int?)

    private struct ImportOutcome: Sendable {
        let number: Int
        /// How many tuples were sent before those of the request.
        let first: Int
        let outcome: Outcome
    }

    private static func imported(in answer: Answer) -> ImportAnswer {
        guard case .imported(let result, _) = answer else {
            preconditionFailure("an import was answered with something else")
        }
        return result
    }
}

/// What an import of many tuples has done so far.
public struct ImportSummary: Sendable, Equatable {
    /// How many of the tuples, from the first on, are imported for certain.
    public var done: Int
    /// Tuples that were not there before, in all requests that were answered.
    public var created: UInt64
    /// Tuples that were there: touched or skipped.
    public var existing: UInt64
    /// The newest revision of an answered request; nil before the first.
    public var zookie: Zookie?

    /// Makes a summary.
    public init(done: Int = 0, created: UInt64 = 0, existing: UInt64 = 0, zookie: Zookie? = nil) {
        self.done = done
        self.created = created
        self.existing = existing
        self.zookie = zookie
    }
}

/// Why an import of many tuples broke off.
public struct ImportError: Error, Sendable, CustomStringConvertible {
    /// What the first request that failed ended with.
    public let cause: ClientError
    /// If it is about one of the tuples: how many come before that.
    public let position: Int?
    /// What is done.
    public let summary: ImportSummary

    /// A sentence for people.
    public var description: String { "\(cause) (the first \(summary.done) tuples are imported)" }
}

/// Cuts tuples into requests that fit a frame and an entry of the log.
struct ImportBatches<Tuples: IteratorProtocol<RelationTuple>> {
    /// Bytes of the tuples of one request, but for the last: well below a frame's, so that requests travel side by side.
    private static var bytesMax: Int { Limits.framePayloadBytes / 4 }

    private let countMax: Int
    private var tuples: Tuples
    private var next: RelationTuple?

    init(_ tuples: Tuples, tuplesPerRequest: Int) {
        countMax = tuplesPerRequest
        self.tuples = tuples
        self.next = self.tuples.next()
    }

    /// The tuples of the next request; nil when there are none left.
    mutating func nextBatch() -> TupleBatch? {
        guard next != nil else { return nil }
        var packer = TuplePacker()
        while packer.tupleCount < countMax, packer.byteCount < ImportBatches.bytesMax, let tuple = next {
            packer.append(tuple)
            next = tuples.next()
        }
        return packer.batch
    }
}

/// Adds up what requests did that are answered in any order.
struct ImportTally {
    /// How many tuples each request has that is not answered or has one before it that is not, with whether it is.
    private var waiting: [(count: Int, isAnswered: Bool)] = []
    private var firstWaiting = 0
    private(set) var summary = ImportSummary()
    /// How many tuples were sent.
    private(set) var sentTuples = 0

    /// A request with `count` tuples was sent; returns its number.
    mutating func sent(_ count: Int) -> Int {
        waiting.append((count, false))
        sentTuples += count
        return firstWaiting + waiting.count - 1
    }

    /// The request with the number was answered.
    mutating func answered(_ number: Int, _ answer: ImportAnswer) {
        waiting[number - firstWaiting].isAnswered = true
        summary.created += answer.created
        summary.existing += answer.existing
        if answer.zookie.revision > summary.zookie?.revision ?? .zero { summary.zookie = answer.zookie }
        while let first = waiting.first, first.isAnswered {
            waiting.removeFirst()
            firstWaiting += 1
            summary.done += first.count
        }
    }
}
