// Pemba: files of schemas.
// SPDX-License-Identifier: Apache-2.0

package import PembaSchema

/// A schema in a file, and the files that it imports.
package struct SchemaFile {
    private let names: SchemaFileNames
    private let imported: ImportedSchema

    /// Reads the file at `path`, `-` for standard input, and everything that it imports from its folder and those below.
    package init(path: String) throws(ToolError) {
        try self.init(source: TextFile.read(path), name: path, folder: SchemaFileNames.folder(of: path))
    }

    /// The schema `source`, which messages call `name`, and whose imports start at `folder`.
    package init(source: String, name: String, folder: String) throws(ToolError) {
        names = SchemaFileNames(name: name, folder: folder)
        do { imported = try names.resolve(source) } catch { throw names.refusal(error) }
    }

    /// The schema as one text, as a cluster is given it.
    package var source: String { imported.source }

    /// The compiled schema; the error holds every diagnostic with its place.
    @discardableResult
    package func compiled() throws(ToolError) -> CompiledSchema {
        let analysis = imported.analyze()
        if let schema = analysis.schema { return schema }
        let errors = SchemaErrors(
            diagnostics: analysis.diagnostics.filter { $0.severity == .error },
            omittedCount: analysis.omittedErrorCount
        )
        throw names.refusal(errors)
    }

    /// What there is to say about the schema at `path`: errors and warnings, as a compiler prints them.
    package static func lint(path: String) throws(ToolError) -> SchemaLint {
        lint(source: try TextFile.read(path), name: path, folder: SchemaFileNames.folder(of: path))
    }

    /// What there is to say about the schema `source`, which messages call `name`, and whose imports start at `folder`.
    package static func lint(source: String, name: String, folder: String) -> SchemaLint {
        let names = SchemaFileNames(name: name, folder: folder)
        do {
            let analysis = try names.resolve(source).analyze()
            return SchemaLint(names.shown(analysis.diagnostics), omittedErrors: analysis.omittedErrorCount)
        } catch {
            return SchemaLint(names.shown(error.diagnostics), omittedErrors: error.omittedCount)
        }
    }
}

/// What the files of a schema are called, and where they are.
private struct SchemaFileNames {
    /// What messages call the file itself.
    let name: String
    /// The folder at which imports start.
    let folder: String

    /// The name from which imports are resolved: in no folder, so that theirs are relative to this one's.
    var base: String { name.split(separator: "/").last.map { String($0) } ?? name }

    /// Where an imported file is.
    func path(of file: String) -> String { folder == "." ? file : "\(folder)/\(file)" }

    /// The folder at which the imports of a file start.
    static func folder(of path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    /// The schema with all that it imports.
    func resolve(_ source: String) throws(SchemaErrors) -> ImportedSchema {
        try SchemaImporter.resolve(source, path: base) { try? TextFile.read(path(of: $0)) }
    }

    /// The diagnostics with the files' names as people know them.
    func shown(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        func known(_ file: String?) -> String { file.map { $0 == base ? name : path(of: $0) } ?? name }
        return diagnostics.map { diagnostic in
            var diagnostic = diagnostic
            diagnostic.file = known(diagnostic.file)
            for place in diagnostic.notes.indices { diagnostic.notes[place].file = known(diagnostic.notes[place].file) }
            return diagnostic
        }
    }

    func refusal(_ errors: SchemaErrors) -> ToolError {
        let shown = SchemaErrors(diagnostics: shown(errors.diagnostics), omittedCount: errors.omittedCount)
        return ToolError("the schema has errors\n" + shown.rendered(file: name))
    }
}

/// What there is to say about a schema.
package struct SchemaLint: Encodable {
    private struct Finding: Encodable {
        let severity: String
        let code: String
        let message: String
        let file: String
        let line: Int
        let column: Int
        let hint: String?
    }

    private let findings: [Finding]
    /// How many errors there are beside those among the findings; nil for none.
    private let omittedErrors: Int?
    private let rendered: String

    private enum CodingKeys: CodingKey {
        case findings
        case omittedErrors
    }

    init(_ diagnostics: [Diagnostic], omittedErrors: Int) {
        self.omittedErrors = omittedErrors > 0 ? omittedErrors : nil
        findings = diagnostics.map { diagnostic in
            Finding(
                severity: diagnostic.severity.rawValue,
                code: diagnostic.code.rawValue,
                message: diagnostic.message,
                file: diagnostic.file ?? "",
                line: diagnostic.range.start.line,
                column: diagnostic.range.start.column,
                hint: diagnostic.hint
            )
        }
        rendered = diagnostics.map { $0.rendered(file: "") }.joined(separator: "\n")
    }

    /// Whether the schema has errors, so that no cluster takes it.
    package var hasErrors: Bool { findings.contains { $0.severity == Diagnostic.Severity.error.rawValue } }

    /// Whether there is nothing to say.
    package var isClean: Bool { findings.isEmpty }

    /// All findings with their places, and a sum.
    package var text: String {
        let shown = findings.count { $0.severity == Diagnostic.Severity.error.rawValue }
        let omitted = omittedErrors.map { ", \($0) of them not shown" } ?? ""
        let sum = "\(shown + (omittedErrors ?? 0)) errors\(omitted), \(findings.count - shown) warnings\n"
        return rendered.isEmpty ? sum : "\(rendered)\n\(sum)"
    }
}

/// What changes from one schema to another.
package struct SchemaDiffReport: Encodable {
    private let changes: [String]

    package init(from old: CompiledSchema, to new: CompiledSchema) {
        changes = SchemaDiff.changes(from: old, to: new).map(\.description)
    }

    /// Whether nothing changes.
    package var isEmpty: Bool { changes.isEmpty }

    /// A line a change.
    package var text: String { isEmpty ? "no changes\n" : changes.map { "\($0)\n" }.joined() }
}

/// Bringing schemas into the one form that all have.
package enum SchemaFormatting {
    /// The schema `source` in that form; the error holds every diagnostic with its place in the file `name`.
    package static func format(_ source: String, name: String) throws(ToolError) -> String {
        do {
            return try SchemaFormatter.format(source)
        } catch {
            throw ToolError("the schema has errors\n" + error.rendered(file: name))
        }
    }
}
