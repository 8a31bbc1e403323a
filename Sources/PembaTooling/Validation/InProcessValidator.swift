// Pemba: validation files, checked in this process.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaSchema
import PembaService

/// Checks validation files with this process's own schema compiler and graph: the ones that a node has.
package enum InProcessValidator {
    /// Checks the file at `path`.
    package static func validate(_ path: String) -> ValidationReport {
        do {
            let file = try ValidationFile(path: path)
            return ValidationReport(file: path, outcomes: try outcomes(of: file))
        } catch {
            return ValidationReport(file: path, error: error.description)
        }
    }

    private static func outcomes(of file: ValidationFile) throws(ToolError) -> [AssertionOutcome] {
        let graph = try load(file)
        return file.assertions.map { AssertionOutcome(check: $0, answer: answer($0.item, graph)) }
    }

    private static func load(_ file: ValidationFile) throws(ToolError) -> Graph {
        let schema = try SchemaCheck.require(file.schema, name: "\(file.name) (schema)")
        let graph = Graph(capacity: .small)
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
            _ = graph.insert(tuple)
        }
        return graph
    }

    private static func answer(_ item: CheckItem, _ graph: Graph) -> AssertionOutcome.Answer {
        do {
            let answer = try graph.check(item.resource, item.permission, item.subject, budget: Limits.evaluationVisits)
            guard let answer else {
                return .failed("the evaluation visited more than \(Limits.evaluationVisits) entities")
            }
            return .permissionship(answer ? .hasPermission : .noPermission)
        } catch {
            return .failed("\(error)")
        }
    }
}
