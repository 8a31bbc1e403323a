// Pemba: validation files, tried on a running cluster.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
import PembaService

/// Tries validation files on a cluster: writes the schema and the relationships, asks every node in every consistency
/// mode, and removes the relationships again.
package struct ClusterValidator {
    /// How many questions are under way at a time.
    private static let questionsInFlight = 32

    private let client: PembaClient
    /// A client for each node.
    private let nodes: [PembaClient]

    /// - Parameters:
    ///   - client: writes to the cluster.
    ///   - nodes: a client for each node that is asked, in the nodes' order.
    package init(client: PembaClient, nodes: [PembaClient]) {
        precondition(!nodes.isEmpty, "without a node nobody answers")
        self.client = client
        self.nodes = nodes
    }

    /// Tries `files` one after the other.
    ///
    /// The cluster must hold no relationships: the schema is replaced for each file. Afterwards the schema is the one
    /// that was there.
    package func validate(_ files: [String]) async throws -> [ValidationReport] {
        let anything = ReadRequest(consistency: .fullyConsistent, filter: RelationshipFilter(), limit: 1)
        let previous = try await currentSchema()
        if previous != nil, let tuple = try await client.read(anything).tuples.first {
            throw ToolError(
                "the cluster holds relationships (`\(tuple)` is one): --live replaces the schema and needs a cluster without any"
            )
        }
        var reports: [ValidationReport] = []
        for file in files { reports.append(try await report(on: file)) }
        _ = try await client.writeSchema(previous ?? "")
        return reports
    }

    private func currentSchema() async throws -> String? {
        do {
            return try await client.readSchema(consistency: .fullyConsistent).source
        } catch let error where error.serviceError?.code == .noSchema {
            return nil
        }
    }

    private func report(on path: String) async throws -> ValidationReport {
        let file: ValidationFile
        let schema: String
        do {
            file = try ValidationFile(path: path)
            schema = try file.schemaFile().source
        } catch {
            return ValidationReport(file: path, error: error.description)
        }
        do {
            return ValidationReport(file: path, outcomes: try await outcomes(of: file, schema))
        } catch let error as ClientError {
            // What the cluster refused is about this file; anything else is about the cluster and ends the run.
            guard error.serviceError != nil else { throw error }
            return ValidationReport(file: path, error: error.description)
        }
    }

    private func outcomes(of file: ValidationFile, _ schema: String) async throws -> [ValidationOutcome] {
        var zookie = try await client.writeSchema(schema)
        do {
            zookie = try await write(.touch, file.relationships) ?? zookie
            var outcomes: [ValidationOutcome] = []
            for mode in ConsistencyMode.allCases {
                let sources = nodes.enumerated().map {
                    NodeSource(client: $1, node: $0 + 1, mode: mode, zookie: zookie)
                }
                outcomes += try await self.outcomes(inBulk: file.assertions, sources)
                outcomes += try await self.outcomes(file.questions, sources)
            }
            _ = try await write(.delete, file.relationships)
            return outcomes
        } catch {
            // What went wrong first is what counts.
            _ = try? await write(.delete, file.relationships)
            throw error
        }
    }

    private func write(
        _ operation: TupleUpdate.Operation,
        _ tuples: [RelationTuple]
    ) async throws(ClientError) -> Zookie? {
        var zookie: Zookie?
        var start = 0
        // A file may name a relationship twice; one write may not, and the last counts.
        var places: [RelationTuple: Int] = [:]
        for (place, tuple) in tuples.enumerated() { places[tuple.key] = place }
        let distinct = tuples.enumerated().filter { places[$1.key] == $0 }.map(\.element)
        while start < distinct.count {
            let batch = distinct[start..<min(start + Limits.updatesPerWrite, distinct.count)]
            zookie = try await client.write(WriteRequest(updates: batch.map { TupleUpdate(operation, $0) })).zookie
            start += batch.count
        }
        return zookie
    }

    // MARK: - Questions

    /// Puts all checks to one node after the other, many in one request.
    private func outcomes(
        inBulk checks: [ExpectedCheck],
        _ sources: [NodeSource]
    ) async throws -> [ValidationOutcome] {
        var outcomes: [ValidationOutcome] = []
        for source in sources {
            var start = 0
            while start < checks.count {
                let batch = checks[start..<min(start + Limits.checksPerBulk, checks.count)]
                let results = try await source.decisions(on: batch.map(\.item))
                outcomes += zip(batch, results).map { ValidationOutcome($0, $1, by: "\(source.title), in bulk") }
                start += batch.count
            }
        }
        return outcomes
    }

    /// Puts each question by itself, to the nodes in turn, and gives the outcomes in the questions' order.
    private func outcomes(
        _ questions: [ValidationQuestion],
        _ sources: [NodeSource]
    ) async throws -> [ValidationOutcome] {
        try await withThrowingTaskGroup(of: (place: Int, outcome: ValidationOutcome).self) { group in
            var outcomes = [ValidationOutcome?](repeating: nil, count: questions.count)
            for (place, question) in questions.enumerated() {
                if place >= ClusterValidator.questionsInFlight, let done = try await group.next() {
                    outcomes[done.place] = done.outcome
                }
                let source = sources[place % sources.count]
                group.addTask { (place, try await source.outcome(of: question)) }
            }
            for try await done in group { outcomes[done.place] = done.outcome }
            return outcomes.compactMap(\.self)
        }
    }
}
