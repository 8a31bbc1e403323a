// Pemba: texts that people type on the command line.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// Reads arguments, with errors that name the argument and the rule.
package enum ToolText {
    /// A relationship.
    package static func tuple(_ text: String) throws(ToolError) -> RelationTuple {
        do { return try RelationTuple(parsing: text) } catch { throw ToolError(error.description) }
    }

    /// A check.
    package static func check(_ text: String) throws(ToolError) -> CheckItem {
        do { return try CheckItem(parsing: text) } catch { throw ToolError(error.description) }
    }

    /// A filter of `type[:id]`, an id's start, a relation, and `type[:id][#relation]`.
    package static func filter(
        resource: String?,
        prefix: String?,
        relation: String?,
        subject: String?
    ) throws(ToolError) -> RelationshipFilter {
        var filter = RelationshipFilter(resourceIDPrefix: prefix, relation: relation)
        if let resource {
            (filter.resourceType, filter.resourceID) = try typeAndID(resource)
            guard filter.resourceID == nil || prefix == nil else {
                throw ToolError("--resource with an id and --resource-prefix exclude each other")
            }
        }
        guard let subject else { return filter }
        let parts = subject.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        (filter.subjectType, filter.subjectID) = try typeAndID(String(parts[0]))
        if parts.count == 2 { filter.subjectRelation = parts[1] == "..." ? .none : .named(String(parts[1])) }
        return filter
    }

    private static func typeAndID(_ text: String) throws(ToolError) -> (String, String?) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard !parts[0].isEmpty, parts.count == 1 || !parts[1].isEmpty else {
            throw ToolError("`\(text)` is neither a type nor `type:id`")
        }
        return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }
}
