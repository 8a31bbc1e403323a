// Pemba: validation files, tried on a running cluster.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
import PembaService

/// Tries validation files on a cluster: writes the schema and the relationships, checks in every consistency mode, and
/// removes the relationships again.
package struct ClusterValidator {
    /// How a question is put.
    private enum Mode: String, CaseIterable {
        case atLeastAsFresh = "at least as fresh"
        case fullyConsistent = "fully consistent"
        case exactSnapshot = "exact snapshot"
        case minimizeLatency = "minimize latency"
    }

    /// How often a node is asked that has not applied the file yet, and how long to wait in between.
    private static let patience = (attempts: 1_000, pause: Duration.milliseconds(10))

    private let client: PembaClient

    package init(client: PembaClient) { self.client = client }

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
            for mode in Mode.allCases { outcomes += try await self.outcomes(file.assertions, mode, zookie) }
            for expected in file.relations { outcomes.append(try await outcome(expected, zookie)) }
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

    private func outcomes(
        _ checks: [ExpectedCheck],
        _ mode: Mode,
        _ zookie: Zookie
    ) async throws -> [ValidationOutcome] {
        var outcomes: [ValidationOutcome] = []
        var start = 0
        while start < checks.count {
            let batch = checks[start..<min(start + Limits.checksPerBulk, checks.count)]
            let results = try await answers(to: batch.map(\.item), mode, zookie)
            outcomes += zip(batch, results).map { check, result in
                ValidationOutcome(check, result.mapError { ToolError($0.description) }, mode: mode.rawValue)
            }
            start += batch.count
        }
        return outcomes
    }

    private func answers(
        to items: [CheckItem],
        _ mode: Mode,
        _ zookie: Zookie
    ) async throws -> [Result<Decision, ServiceError>] {
        switch mode {
        case .atLeastAsFresh: return try await client.checkBulk(items, consistency: .atLeastAsFresh(zookie)).results
        case .fullyConsistent: return try await client.checkBulk(items, consistency: .fullyConsistent).results
        case .exactSnapshot: return try await client.checkBulk(items, consistency: .atExactSnapshot(zookie)).results
        case .minimizeLatency:
            // A node answers with what it has applied, which may be a moment behind the file.
            for _ in 0..<ClusterValidator.patience.attempts {
                let answer = try await client.checkBulk(items, consistency: .minimizeLatency)
                if answer.zookie.revision >= zookie.revision { return answer.results }
                try await Task.sleep(for: ClusterValidator.patience.pause)
            }
            throw ToolError("a node does not catch up with revision \(zookie.revision)")
        }
    }

    private func outcome(_ expected: ExpectedRelations, _ zookie: Zookie) async throws -> ValidationOutcome {
        do {
            let answer = try await client.expand(
                expected.resource,
                expected.permission,
                isRecursive: true,
                consistency: .atLeastAsFresh(zookie)
            )
            return ValidationOutcome(expected, .success(answer.tree))
        } catch {
            guard let refusal = error.serviceError else { throw error }
            return ValidationOutcome(expected, .failure(ToolError(refusal.description)))
        }
    }
}
