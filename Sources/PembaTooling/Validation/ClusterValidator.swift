// Pemba: validation files, tried on a running cluster.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
import PembaService

/// Tries validation files on a cluster: writes the schema and the relationships, checks at the write's zookie and once
/// more fully consistently, and removes the relationships again.
package struct ClusterValidator {
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

    private func report(on path: String) async throws(ClientError) -> ValidationReport {
        let file: ValidationFile
        do {
            file = try ValidationFile(path: path)
        } catch {
            return ValidationReport(file: path, error: error.description)
        }
        do {
            return ValidationReport(file: path, outcomes: try await outcomes(of: file))
        } catch {
            // What the cluster refused is about this file; anything else is about the cluster and ends the run.
            guard error.serviceError != nil else { throw error }
            return ValidationReport(file: path, error: error.description)
        }
    }

    private func outcomes(of file: ValidationFile) async throws(ClientError) -> [AssertionOutcome] {
        var zookie = try await client.writeSchema(file.schema)
        let result: Result<[AssertionOutcome], ClientError>
        do {
            zookie = try await write(.touch, file.relationships) ?? zookie
            result = .success(
                try await outcomes(file.assertions, .atLeastAsFresh(zookie))
                    + outcomes(file.assertions, .fullyConsistent)
            )
        } catch {
            result = .failure(error)
        }
        _ = try await write(.delete, file.relationships)
        return try result.get()
    }

    private func write(
        _ operation: TupleUpdate.Operation,
        _ tuples: [RelationTuple]
    ) async throws(ClientError) -> Zookie? {
        var zookie: Zookie?
        var start = 0
        // A file may name a relationship twice; one write may not.
        var seen: Set<RelationTuple> = []
        let distinct = tuples.filter { seen.insert($0).inserted }
        while start < distinct.count {
            let batch = distinct[start..<min(start + Limits.updatesPerWrite, distinct.count)]
            zookie = try await client.write(WriteRequest(updates: batch.map { TupleUpdate(operation, $0) }))
            start += batch.count
        }
        return zookie
    }

    private func outcomes(
        _ checks: [ExpectedCheck],
        _ consistency: Consistency
    ) async throws(ClientError) -> [AssertionOutcome] {
        guard !checks.isEmpty else { return [] }
        let answer = try await client.checkBulk(checks.map(\.item), consistency: consistency)
        return zip(checks, answer.results).map { check, result in
            switch result {
            case .success(let permissionship): AssertionOutcome(check: check, answer: .permissionship(permissionship))
            case .failure(let error): AssertionOutcome(check: check, answer: .failed(error.description))
            }
        }
    }
}
