// Pemba: errors of the cores as answers to clients.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaGraph
package import PembaSchema
package import PembaService

extension ServiceError {
    /// The answer for what the graph refuses.
    package init(_ error: GraphError) {
        let code: ErrorCode
        var details: [Detail] = []
        switch error {
        case .noSchema: code = .noSchema
        case .unknownDefinition(let name):
            code = .unknownDefinition
            details = [Detail("definition", name)]
        case .unknownRelation(let definition, let relation):
            code = .unknownRelation
            details = [Detail("definition", definition), Detail("relation", relation)]
        case .cannotWritePermission(let definition, let permission):
            code = .cannotWritePermission
            details = [Detail("definition", definition), Detail("permission", permission)]
        case .unknownEverywhere(let relation):
            code = .unknownRelation
            details = [Detail("relation", relation)]
        case .subjectNotAllowed(let tuple, _, let admitted):
            code = .subjectNotAllowed
            details = [Detail("tuple", tuple.description), Detail("allowed", admitted.joined(separator: ", "))]
        case .invalidArgument: code = .invalidArgument
        case .notOneObject(let field, _):
            code = .invalidArgument
            details = [Detail("field", field)]
        case .invalidFilter(let filter):
            code = .invalidArgument
            details = [Detail("filter", filter.description)]
        case .wouldOrphan(let tuple, _):
            code = .schemaWouldOrphan
            details = [Detail("tuple", tuple.description)]
        case .unknownCaveat(let name):
            code = .unknownCaveat
            details = [Detail("caveat", name)]
        case .invalidContext(let error, let tuple):
            code = .invalidContext
            details = [Detail("parameter", error.parameter)]
            if case .wrongType(let type, _, _, _) = error.problem { details.append(Detail("type", type)) }
            if let tuple { details.append(Detail("tuple", tuple.key.description)) }
        case .conditionFailed(let caveat, _):
            code = .conditionFailed
            details = [Detail("caveat", caveat)]
        case .budgetExceeded, .explanationExceeded: code = .evaluationBudgetExceeded
        case .tooDeep(let depth):
            code = .depthExceeded
            details = [Detail("limit", String(depth))]
        case .tooOld(let oldest):
            code = .revisionTooOld
            details = [Detail("oldest", oldest.description)]
        case .notYet(let newest):
            code = .futureZookie
            details = [Detail("revision", newest.description)]
        case .damagedBlock: code = .internalError
        }
        self.init(code, error.description, details: details)
    }

    /// The answer for a schema that does not compile: where the first error is, and one detail for each diagnostic.
    package init(_ errors: SchemaErrors) {
        let count = errors.diagnostics.count + errors.omittedCount
        let place = errors.diagnostics[0].range.start
        self.init(
            .invalidSchema,
            count == 1 ? "the schema has an error" : "the schema has \(count) errors",
            details: [Detail("line", String(place.line)), Detail("column", String(place.column))]
                + errors.diagnostics.map { Detail("diagnostic", $0.rendered(file: "schema")) }
        )
    }
}
