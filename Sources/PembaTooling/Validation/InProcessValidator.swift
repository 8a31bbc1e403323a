// Pemba: validation files, checked in this process.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaGraph
import PembaSchema
import PembaService

/// Checks validation files with this process's own schema compiler and graph: the ones that a node has.
package enum InProcessValidator {
    /// Checks the file at `path`.
    package static func validate(_ path: String) async -> ValidationReport {
        do {
            let file = try ValidationFile(path: path)
            let source = GraphSource(graph: try load(file))
            var outcomes: [ValidationOutcome] = []
            for question in file.questions { outcomes.append(try await source.outcome(of: question)) }
            return ValidationReport(file: path, outcomes: outcomes)
        } catch {
            return ValidationReport(file: path, error: "\(error)")
        }
    }

    private static func load(_ file: ValidationFile) throws(ToolError) -> Graph {
        let schema = try file.schemaFile().compiled()
        let graph = Graph(capacity: .small)
        // A cluster judges times by its log; here it is now.
        graph.begin(Revision(1), time: Timestamp(nanoseconds: Int64(Date().timeIntervalSince1970 * 1e9)))
        do {
            try graph.replaceSchema(schema)
        } catch {
            throw ToolError("\(file.name): \(error)")
        }
        for tuple in file.relationships {
            do {
                try graph.validate(tuple)
            } catch {
                throw ToolError("\(file.name): `\(tuple)`: \(error)")
            }
            graph.put(tuple)
        }
        return graph
    }
}

/// A graph of this process.
private struct GraphSource: AnswerSource {
    let graph: Graph
    let name: String? = nil

    func decision(on item: CheckItem) -> Result<Decision, ToolError> {
        answer { () throws(GraphError) in try graph.check(item) }
    }

    func expansion(of resource: ObjectReference, _ permission: String) -> Result<ExpandTree, ToolError> {
        answer { () throws(GraphError) in try graph.expand(resource, permission, isRecursive: true) }
    }

    func resources(
        _ permission: TypePermission,
        for subject: SubjectReference,
        context: ContextObject
    ) -> Result<[FoundResource], ToolError> {
        let request = LookupResourcesRequest(
            permissions: [permission],
            subject: subject,
            context: EvaluationContext(values: context)
        )
        return answer { () throws(GraphError) in try graph.lookupResources(request) }
    }

    func subjects(
        _ kind: SubjectKind,
        with permission: String,
        on resource: ObjectReference,
        context: ContextObject
    ) -> Result<[FoundSubject], ToolError> {
        let request = LookupSubjectsRequest(
            resource: resource,
            permissions: [permission],
            kinds: [kind],
            context: EvaluationContext(values: context)
        )
        return answer { () throws(GraphError) in try graph.lookupSubjects(request) }
    }

    private func answer<Value>(_ ask: () throws(GraphError) -> Value) -> Result<Value, ToolError> {
        do {
            return .success(try ask())
        } catch {
            return .failure(ToolError("\(error)"))
        }
    }
}
