// Pemba: SpiceDB's end-to-end operations on a state machine.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaGraph
import PembaService
import PembaTestSupport
import Testing

@testable import PembaReplica

/// The 23 of the 48 operations that are no lookups: `LookupConformanceTests` of the graph does the other 25.
///
/// All apply. One thing is put differently: upstream's relationships expire as late as the year 3223, and our times end
/// in 2262, so that later years are moved into the decade from 2230 on, in the data and in the results alike.
@Suite("End-to-end data", .enabled(if: Conformance.isAvailable))
struct SteelthreadTests {
    /// After everything that has expired in the data, before everything that has not.
    private static let now: Int64 = 1_800_000_000_000_000_000

    /// Does the operations called `name`, each scenario's on its data, and counts them.
    private func each(
        _ name: String,
        _ body: (Steelthread.Operation, inout MachineDriver) throws -> Void
    ) throws -> Int {
        var count = 0
        for scenario in try Steelthread.scenarios() {
            let operations = scenario.operations.filter { $0.operationName == name }
            guard !operations.isEmpty else { continue }
            var driver = try driver(of: scenario.datafile)
            for operation in operations { try body(operation, &driver) }
            count += operations.count
        }
        return count
    }

    private func driver(of file: String) throws -> MachineDriver {
        let data = try ValidationText(contentsOf: Steelthread.data(file))
        var driver = MachineDriver()
        let written = driver.apply(.writeSchema(source: data.schema), time: Self.now)
        #expect(written == .success(.schemaWritten(Revision(1))))
        try load(data.relationships, into: &driver)
        return driver
    }

    /// Creates relationships in one import.
    private func load(_ texts: [String], into driver: inout MachineDriver) throws {
        let tuples = try texts.map { try RelationTuple(parsing: withinReach($0)) }
        let result = driver.apply(.importTuples(ImportRequest(tuples: tuples, mode: .fail)))
        // What has expired before it comes is not stored.
        let alive = tuples.filter { $0.expiresAt.map { $0.nanoseconds > Self.now } ?? true }
        #expect(
            result == .success(.imported(driver.machine.revision, created: UInt64(alive.count), existing: 0)),
            "\(String(describing: result))"
        )
    }

    /// A text whose years from 2323 to 3223 are 2230 to 2239.
    private func withinReach(_ text: String) -> String {
        (23...32).reduce(text) { $0.replacing("[expiration:\($1)23-", with: "[expiration:22\($1 + 7)-") }
    }

    /// The pages that a reader of `size` tuples at a time gets.
    private func pages(_ filter: RelationshipFilter, of size: Int, _ driver: MachineDriver) -> [[String]] {
        var pages: [[String]] = []
        var after: RelationTuple?
        while true {
            switch driver.machine.graph.read(filter, after: after, limit: size) {
            case .again: continue
            case .page(let tuples, let next):
                if !tuples.isEmpty { pages.append(tuples.map(\.description)) }
                guard let next else { return pages }
                after = next
            }
        }
    }

    @Test("reads by resource and by subject have the recorded pages, in the recorded order")
    func reads() throws {
        let count = try each("cursoredReadRelationships") { operation, driver in
            let arguments = operation.arguments
            let filter = RelationshipFilter(
                resourceType: arguments.member("resource_type"),
                resourceID: arguments.member("resource_id"),
                subjectType: arguments.member("subject_type"),
                subjectID: arguments.member("subject_id")
            )
            let size = try #require(arguments.member("page_size").flatMap { Int($0) })
            let expected = try Steelthread.pages(operation)
            #expect(pages(filter, of: size, driver) == expected, "\(operation.resultsFileName)")
        }
        #expect(count == 10)
    }

    @Test("what is imported is exported, all of it or by a filter, at once or in parts")
    func importsAndExports() throws {
        let count = try each("bulkImportExportRelationships") { operation, driver in
            let arguments = operation.arguments
            let file = Steelthread.data(try #require(arguments.member("rels_file")))
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
            try load(lines, into: &driver)
            let filter = RelationshipFilter(
                resourceType: arguments.member("resource_type"),
                resourceIDPrefix: arguments.member("filter_resource_id_prefix")
            )
            let size = arguments.member("optional_limit").flatMap { Int($0) } ?? Limits.tuplesPerReadPage
            let pages = pages(filter, of: size, driver)
            #expect(pages.allSatisfy { $0.count <= size })
            let expected = try Steelthread.pages(operation).joined().map(withinReach)
            #expect(pages.joined().sorted() == expected.sorted(), "\(operation.resultsFileName)")
        }
        #expect(count == 4)
    }

    @Test("bulk checks have the recorded answers, with contexts, caveats and times")
    func bulkChecks() throws {
        let count = try each("bulkCheckPermissions") { operation, driver in
            let answers = try operation.arguments.texts("check_requests").map { text in
                // A question is written as a relationship; the caveat's name stands for nothing.
                let tuple = try RelationTuple(parsing: text)
                let item = CheckItem(
                    resource: tuple.resource,
                    permission: tuple.relation,
                    subject: tuple.subject,
                    context: tuple.caveat?.context ?? .empty
                )
                let answer =
                    switch try driver.machine.graph.check(item).permissionship {
                    case .hasPermission: "HAS_PERMISSION"
                    case .noPermission: "NO_PERMISSION"
                    case .conditional: "CONDITIONAL_PERMISSION"
                    }
                return "\(text) -> PERMISSIONSHIP_\(answer)"
            }
            #expect(answers == Array(try Steelthread.pages(operation).joined()))
        }
        #expect(count == 2)
    }

    @Test("schemas are accepted, or refused for the recorded reason")
    func schemaWrites() throws {
        var refused = 0
        let count = try each("writeSchema") { operation, driver in
            let source = try #require(operation.arguments.member("schema"))
            let result = driver.apply(.writeSchema(source: source))
            guard let recorded = try Steelthread.error(operation) else {
                #expect(result == .success(.schemaWritten(driver.machine.revision)), "\(operation.resultsFileName)")
                return
            }
            refused += 1
            guard case .failure(let error)? = result else {
                Issue.record("\(operation.resultsFileName): accepted")
                return
            }
            if recorded.contains("code = FailedPrecondition") {
                // Upstream: could not lookup definition `user`.
                #expect(error.code == .invalidSchema)
                let diagnostic = try #require(error.detail("diagnostic"))
                #expect(diagnostic.contains("unknown-definition") && diagnostic.contains("`user`"))
            } else {
                #expect(error.code == .schemaWouldOrphan)
                let tuple = try #require(error.detail("tuple"))
                #expect(recorded.hasSuffix("as a relationship exists with it: \(tuple)'"), "\(error)")
            }
        }
        #expect(count == 7 && refused == 3)
    }
}
