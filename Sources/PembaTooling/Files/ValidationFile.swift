// Pemba: SpiceDB's validation files.
// SPDX-License-Identifier: Apache-2.0

package import Foundation
package import PembaCore
import PembaService
import Yams

/// A schema, relationships and assertions about them, in SpiceDB's YAML format.
///
/// `schema` or `schemaFile` (relative to the file), `relationships` (one a line), `assertions` with `assertTrue`,
/// `assertFalse` and `assertCaveated` (lists of checks, each optionally followed by `with {json}`), and `validation`
/// with the subjects of relations and permissions. A file `NAME.lookups.json` beside it adds lookups, and what conditional
/// checks lack (see `ExpectedLookups`). What is not understood is an error, never passed over in silence.
package struct ValidationFile: Equatable {
    /// Where it was read from, for messages.
    package let name: String
    /// The schema's source, as it stands there.
    package let schema: String
    /// The folder at which the schema's imports start.
    private let schemaFolder: String
    /// The tuples, in the file's order.
    package let relationships: [RelationTuple]
    /// The tuples as they stand there.
    package let relationshipText: RelationshipText
    /// The assertions, true ones first, then false and then conditional ones, in the file's order.
    package let assertions: [ExpectedCheck]
    /// The expected subjects, by the text of what they have.
    package let relations: [ExpectedRelations]
    /// The lookups that stand beside it.
    package let lookups: [ExpectedLookup]

    /// Everything that it asks.
    package var questions: [ValidationQuestion] {
        assertions.map { .check($0) } + relations.map { .relations($0) } + lookups.map { .lookup($0) }
    }

    private static let knownKeys = ["schema", "schemaFile", "relationships", "assertions", "validation"]
    private static let knownAssertions = ["assertTrue", "assertFalse", "assertCaveated"]

    /// Reads the file at `path`.
    package init(path: String) throws(ToolError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try self.init(
            text: TextFile.read(path),
            name: path,
            folder: folder,
            beside: ExpectedLookups(besideFile: path)
        )
    }

    /// Reads the text of a file called `name` whose relative paths start at `folder`, with what stands beside it.
    package init(text: String, name: String, folder: URL, beside: ExpectedLookups? = nil) throws(ToolError) {
        let (root, node) = try ValidationFile.mapping(text, name: name)
        for key in root.keys where !ValidationFile.knownKeys.contains(key) {
            throw ToolError(
                "\(name): unknown key `\(key)`; the keys are \(ValidationFile.knownKeys.joined(separator: ", "))"
            )
        }
        self.name = name
        (schema, schemaFolder) = try ValidationFile.schema(of: root, name: name, folder: folder)
        let relationships = try ValidationFile.text(root["relationships"], key: "relationships", name: name) ?? ""
        relationshipText = ValidationFile.relationshipText(relationships, at: node["relationships"]?.scalar, name: name)
        self.relationships = try RelationshipFile.parse(relationshipText)
        self.assertions = ValidationFile.completed(
            try ValidationFile.assertions(of: root["assertions"], name: name),
            with: beside?.missingContext ?? [:]
        )
        self.relations = try ValidationFile.relations(of: root["validation"], name: name)
        self.lookups = beside?.lookups ?? []
    }

    /// The checks with what conditional ones lack; one that is no assertion yet becomes one.
    private static func completed(
        _ assertions: [ExpectedCheck],
        with missing: [CheckItem: Set<String>]
    ) -> [ExpectedCheck] {
        let asserted = Set(assertions.map(\.item))
        let others = missing.keys.filter { !asserted.contains($0) }.sorted { $0.description < $1.description }
        var completed = assertions + others.map { ExpectedCheck(item: $0, expected: .conditional, line: 0) }
        for place in completed.indices { completed[place].missingContext = missing[completed[place].item] }
        return completed
    }

    private static func mapping(_ text: String, name: String) throws(ToolError) -> ([String: Any], Node) {
        let document: Node?
        do {
            document = try Yams.compose(yaml: text)
        } catch {
            throw ToolError("\(name) is not YAML: \(error)")
        }
        guard let document, let root = document.any as? [String: Any] else {
            throw ToolError("\(name): a validation file is a mapping with `schema`, `relationships` and `assertions`")
        }
        return (root, document)
    }

    /// The relationships with their lines in the file; of a text that is not a block of lines (`|`) the lines are its own.
    private static func relationshipText(_ text: String, at scalar: Node.Scalar?, name: String) -> RelationshipText {
        guard let scalar, scalar.style == .literal, let mark = scalar.mark else {
            return RelationshipText(utf8: Array(text.utf8), name: "\(name) (relationships)")
        }
        return RelationshipText(utf8: Array(text.utf8), name: name, linesBefore: mark.line)
    }

    /// The schema with all that it imports.
    package func schemaFile() throws(ToolError) -> SchemaFile {
        try SchemaFile(source: schema, name: "\(name) (schema)", folder: schemaFolder)
    }

    private static func schema(
        of root: [String: Any],
        name: String,
        folder: URL
    ) throws(ToolError) -> (source: String, folder: String) {
        let inline = try text(root["schema"], key: "schema", name: name)
        let file = try text(root["schemaFile"], key: "schemaFile", name: name)
        switch (inline, file) {
        case (let inline?, nil): return (inline, folder.path)
        case (nil, let file?):
            let place = URL(fileURLWithPath: file, relativeTo: folder)
            return (try TextFile.read(place.path), place.deletingLastPathComponent().path)
        case (nil, nil): throw ToolError("\(name): neither `schema` nor `schemaFile` is there; one is needed")
        case (_?, _?): throw ToolError("\(name): both `schema` and `schemaFile` are there; leave one out")
        }
    }

    private static func assertions(of value: Any?, name: String) throws(ToolError) -> [ExpectedCheck] {
        guard let value, !isEmpty(value) else { return [] }
        guard let lists = value as? [String: Any] else {
            throw ToolError(
                "\(name): `assertions` is a mapping with `assertTrue`, `assertFalse` and `assertCaveated`"
            )
        }
        for key in lists.keys where !knownAssertions.contains(key) {
            throw ToolError(
                "\(name): unknown key `assertions.\(key)`; the keys are \(knownAssertions.joined(separator: ", "))"
            )
        }
        return try checks(lists["assertTrue"], .hasPermission, key: "assertTrue", name: name)
            + checks(lists["assertFalse"], .noPermission, key: "assertFalse", name: name)
            + checks(lists["assertCaveated"], .conditional, key: "assertCaveated", name: name)
    }

    private static func relations(of value: Any?, name: String) throws(ToolError) -> [ExpectedRelations] {
        guard let value, !isEmpty(value) else { return [] }
        guard let entries = value as? [String: Any] else {
            throw ToolError("\(name): `validation` is a mapping of `type:id#permission` to lists of subjects")
        }
        var relations: [ExpectedRelations] = []
        for key in entries.keys.sorted() {
            let list = entries[key].flatMap { isEmpty($0) ? [] : $0 }
            guard let lines = list as? [String] else {
                throw ToolError("\(name): `validation.\(key)` is a list of texts such as `[user:x] is <\(key)>`")
            }
            do {
                relations.append(try ExpectedRelations(key: key, lines: lines))
            } catch {
                throw ToolError("\(name) (validation): \(error)")
            }
        }
        return relations
    }

    private static func checks(
        _ value: Any?,
        _ expected: Permissionship,
        key: String,
        name: String
    ) throws(ToolError) -> [ExpectedCheck] {
        guard let value, !isEmpty(value) else { return [] }
        guard let items = value as? [Any] else { throw ToolError("\(name): `assertions.\(key)` is a list of checks") }
        var checks: [ExpectedCheck] = []
        for (position, item) in items.enumerated() {
            guard let text = item as? String else {
                throw ToolError("\(name): item \(position + 1) of `assertions.\(key)` is not a text")
            }
            do {
                checks.append(ExpectedCheck(item: try CheckItem(parsing: text), expected: expected, line: 0))
            } catch {
                throw ToolError("\(name) (\(key)): \(error)")
            }
        }
        return checks
    }

    private static func text(_ value: Any?, key: String, name: String) throws(ToolError) -> String? {
        guard let value, !(value is NSNull) else { return nil }
        guard let text = value as? String else { throw ToolError("\(name): `\(key)` is not a text") }
        return text
    }

    private static func isEmpty(_ value: Any) -> Bool {
        if value is NSNull { return true }
        if let mapping = value as? [String: Any] { return mapping.isEmpty }
        if let list = value as? [Any] { return list.isEmpty }
        return false
    }
}
