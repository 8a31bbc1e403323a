// Pemba: asking the cluster.
// SPDX-License-Identifier: Apache-2.0

extension PembaClient {
    /// Asks whether the subject has the permission on the resource.
    ///
    /// - Parameters:
    ///   - contextualTuples: tuples that count as if they were stored, for this question alone.
    ///   - maxDepth: how many levels the evaluation may go down before it ends with `depthExceeded`; nil: as many as it
    ///     needs, for cycles end by themselves.
    ///   - consistency: how fresh the state must be; nil: at least as fresh as this client's newest write.
    ///   - timeout: how long it may take; nil: as configured.
    public func check(
        _ item: CheckItem,
        contextualTuples: [RelationTuple] = [],
        maxDepth: UInt32? = nil,
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> CheckAnswer {
        try PembaClient.requireCount(of: contextualTuples)
        let options = CheckOptions(contextualTuples: contextualTuples, maxDepth: maxDepth)
        let answer = try await perform(.check(item, consistency, options), timeout: timeout)
        guard case .check(let result) = answer else { preconditionFailure("a check was answered with something else") }
        return result
    }

    /// Asks many questions at one revision; the answers are in the order of the questions.
    ///
    /// Each question brings its own context; contextual tuples count for all of them.
    public func checkBulk(
        _ items: [CheckItem],
        contextualTuples: [RelationTuple] = [],
        maxDepth: UInt32? = nil,
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> BulkCheckAnswer {
        guard items.count <= Limits.checksPerBulk else {
            throw PembaClient.limit("a bulk check", "checks", items.count, Limits.checksPerBulk)
        }
        try PembaClient.requireCount(of: contextualTuples)
        let options = CheckOptions(contextualTuples: contextualTuples, maxDepth: maxDepth)
        let answer = try await perform(.bulkCheck(items, consistency, options), timeout: timeout)
        guard case .bulkCheck(let result) = answer else {
            preconditionFailure("a bulk check was answered with something else")
        }
        return result
    }

    /// Reads one page of tuples.
    public func read(_ request: ReadRequest, timeout: Duration? = nil) async throws(ClientError) -> ReadAnswer {
        try await page(
            request.filter,
            consistency: request.consistency,
            cursor: request.cursor,
            limit: request.limit,
            timeout: timeout
        )
    }

    /// All tuples that match, fetched page by page as they are iterated.
    ///
    /// Each page is at least as fresh as the one before, and all are of one revision if the consistency names one.
    /// Tuples that exist throughout are seen once. ``export(matching:consistency:timeout:)`` reads at one revision
    /// whatever the consistency, and faster.
    public func tuples(
        matching filter: RelationshipFilter,
        consistency: Consistency? = nil,
        pageSize: Int = Limits.tuplesPerReadPage
    ) -> TupleSequence {
        TupleSequence(client: self, filter: filter, consistency: consistency, pageSize: pageSize)
    }

    func page(
        _ filter: RelationshipFilter,
        consistency: Consistency?,
        cursor: ReadCursor?,
        limit: Int,
        timeout: Duration?
    ) async throws(ClientError) -> ReadAnswer {
        guard (1...Limits.tuplesPerReadPage).contains(limit) else {
            throw PembaClient.limit("a page", "tuples (and at least 1)", limit, Limits.tuplesPerReadPage)
        }
        let operation = Operation.read(filter: filter, consistency, cursor: cursor, limit: limit)
        let answer = try await perform(operation, timeout: timeout)
        guard case .page(let result) = answer else { preconditionFailure("a read was answered with something else") }
        return result
    }

    /// Reads the schema.
    ///
    /// - Throws: a ``ClientError`` with the service error `noSchema` if none has been written yet.
    public func readSchema(
        consistency: Consistency? = nil,
        timeout: Duration? = nil
    ) async throws(ClientError) -> SchemaAnswer {
        let answer = try await perform(.readSchema(consistency), timeout: timeout)
        guard case .schema(let result) = answer else {
            preconditionFailure("a read of the schema was answered with something else")
        }
        return result
    }

    /// What one node, whichever, says of itself.
    public func status(timeout: Duration? = nil) async throws(ClientError) -> NodeStatus {
        PembaClient.status(in: try await perform(.status, timeout: timeout))
    }

    /// What the node at each configured endpoint says of itself, in the endpoints' order.
    public func statusOfEndpoints(timeout: Duration? = nil) async -> [Result<NodeStatus, ClientError>] {
        // Outcomes and not thrown errors: in optimised builds Swift 6.3.1 garbles what a child task returns that catches
        // an error of a stated type.
        await withTaskGroup(of: EndpointOutcome.self) { group in
            for index in 0..<endpointCount {
                group.addTask {
                    EndpointOutcome(
                        index: index,
                        outcome: await self.outcome(of: .status, timeout: timeout, endpoint: index)
                    )
                }
            }
            var results = [Result<NodeStatus, ClientError>](
                repeating: .failure(ClientError(.shutDown)),
                count: endpointCount
            )
            for await answered in group {
                results[answered.index] = answered.outcome.map { PembaClient.status(in: $0) }
            }
            return results
        }
    }

    private struct EndpointOutcome: Sendable {
        let index: Int
        let outcome: Outcome
    }

    private static func status(in answer: Answer) -> NodeStatus {
        guard case .status(let status) = answer else {
            preconditionFailure("a status request was answered with something else")
        }
        return status
    }

    static func limit(_ what: String, _ unit: String, _ count: Int, _ limit: Int) -> ClientError {
        ClientError(
            .service(
                ServiceError(
                    .limitExceeded,
                    "\(what) has at most \(limit) \(unit), this one has \(count)",
                    details: [.init("limit", String(limit)), .init("value", String(count))]
                )
            )
        )
    }
}

/// All tuples that match a filter; each iteration reads them anew.
public struct TupleSequence: AsyncSequence, Sendable {
    let client: PembaClient
    let filter: RelationshipFilter
    let consistency: Consistency?
    let pageSize: Int

    /// The consistency of the page after one of the revision of `zookie`.
    private static func consistency(of previous: Consistency?, after zookie: Zookie) -> Consistency {
        switch previous {
        case .atExactSnapshot, .atRevision, .atTime: .atExactSnapshot(zookie)
        case .minimizeLatency, .atLeastAsFresh, .fullyConsistent, nil: .atLeastAsFresh(zookie)
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self, consistency: consistency) }

    /// Reads page after page.
    public struct Iterator: AsyncIteratorProtocol {
        private let sequence: TupleSequence
        private var consistency: Consistency?
        private var page: [RelationTuple] = []
        private var position = 0
        private var cursor: ReadCursor?
        private var isLastPage = false

        init(sequence: TupleSequence, consistency: Consistency?) {
            self.sequence = sequence
            self.consistency = consistency
        }

        /// The next tuple; nil after the last.
        public mutating func next() async throws(ClientError) -> RelationTuple? {
            try await next(isolation: nil)
        }

        /// The next tuple; nil after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ClientError) -> RelationTuple? {
            while position == page.count {
                guard !isLastPage else { return nil }
                let answer = try await sequence.client.page(
                    sequence.filter,
                    consistency: consistency,
                    cursor: cursor,
                    limit: sequence.pageSize,
                    timeout: nil
                )
                page = answer.tuples
                position = 0
                cursor = answer.next
                isLastPage = answer.next == nil
                consistency = TupleSequence.consistency(of: consistency, after: answer.zookie)
            }
            position += 1
            return page[position - 1]
        }
    }
}
