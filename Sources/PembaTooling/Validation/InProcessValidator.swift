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
    package static func validate(_ path: String) -> ValidationReport {
        do {
            let file = try ValidationFile(path: path)
            return ValidationReport(file: path, outcomes: try outcomes(of: file))
        } catch {
            return ValidationReport(file: path, error: error.description)
        }
    }

    private static func outcomes(of file: ValidationFile) throws(ToolError) -> [ValidationOutcome] {
        let graph = try load(file)
        return file.assertions.map { ValidationOutcome($0, answer($0.item, graph)) }
            + file.relations.map { ValidationOutcome($0, expansion($0, graph)) }
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

    private static func answer(_ item: CheckItem, _ graph: Graph) -> Result<Decision, ToolError> {
        do {
            return .success(try graph.check(item))
        } catch {
            return .failure(ToolError("\(error)"))
        }
    }

    private static func expansion(_ expected: ExpectedRelations, _ graph: Graph) -> Result<ExpandTree, ToolError> {
        do {
            return .success(try graph.expand(expected.resource, expected.permission, isRecursive: true))
        } catch {
            return .failure(ToolError("\(error)"))
        }
    }
}
