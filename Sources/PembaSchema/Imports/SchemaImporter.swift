// Pemba: puts what files hold in the place of imports.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Makes one text of a schema and all that it imports.
///
/// Pure: the files come from a function. The text of a file stands where it is first imported; a second import of it
/// adds nothing, and one of a file that is not yet complete is a circle and an error. Flags gather at the top, because
/// they must stand before everything else, and count for all files.
package struct SchemaImporter {
    private let load: (String) -> String?
    private var files: [ImportedSchema.File] = []
    private var parts: [ImportedSchema.Part] = []
    private var flags: [UseFlag] = []
    private var hasImports = false
    private var body: [UInt8] = []
    /// Whether each file that was met is complete.
    private var completed: [String: Bool] = [:]
    private var diagnostics: [Diagnostic] = []
    private var omittedErrors = 0

    /// Makes one text of the schema `source`, whose file has the name `path`, and all that it imports.
    ///
    /// `load` gives the text of a file by its path relative to the folder of `path`, with `/` between its parts; nil
    /// if there is none.
    package static func resolve(
        _ source: String,
        path: String,
        load: @escaping (String) -> String?
    ) throws(SchemaErrors) -> ImportedSchema {
        var importer = SchemaImporter(load: load)
        importer.add(source, path: path, depth: 0)
        guard importer.diagnostics.isEmpty else {
            throw SchemaErrors(diagnostics: importer.diagnostics, omittedCount: importer.omittedErrors)
        }
        guard importer.hasImports else {
            let whole = ImportedSchema.Part(start: 0, file: 0, range: 0..<source.utf8.count)
            return ImportedSchema(source: source, parts: [whole], files: importer.files)
        }
        return importer.joined()
    }

    private init(load: @escaping (String) -> String?) { self.load = load }

    private func joined() -> ImportedSchema {
        let top = flags.map { "use \($0.rawValue)\n" }.joined()
        let moved = parts.map { part in
            ImportedSchema.Part(start: part.start + top.utf8.count, file: part.file, range: part.range)
        }
        return ImportedSchema(source: top + String(decoding: body, as: UTF8.self), parts: moved, files: files)
    }

    /// Adds a file, what it imports first met included; what is wrong with it is reported.
    private mutating func add(_ source: String, path: String, depth: Int) {
        completed[path] = false
        defer { completed[path] = true }
        var collector = DiagnosticCollector()
        let text: SourceText
        let tree: SyntaxTree
        do {
            (text, tree) = try SchemaCompiler.parse(source)
        } catch {
            diagnostics += error.diagnostics.map { $0.inFile(path) }
            omittedErrors += error.omittedCount
            return
        }
        let number = files.count
        files.append(ImportedSchema.File(path: path, text: text))
        hasImports = hasImports || !tree.imports.isEmpty
        for flag in tree.flags.map(\.flag) where flag != .import && !flags.contains(flag) { flags.append(flag) }
        // What is moved or replaced is left out; the rest stands in the schema as it is.
        let cuts = (tree.flags.map { ($0.range, nil) } + tree.imports.map { ($0.range, $0) })
            .sorted { $0.0.lowerBound < $1.0.lowerBound }
        var place = 0
        for (range, syntax) in cuts {
            append(text, place..<range.lowerBound, of: number)
            place = range.upperBound
            guard let syntax else { continue }
            include(syntax, from: path, in: text, depth: depth, &collector)
        }
        append(text, place..<text.bytes.count, of: number)
        if body.last != UInt8(ascii: "\n"), !body.isEmpty { body.append(UInt8(ascii: "\n")) }
        diagnostics += collector.diagnostics(in: text, file: path)
    }

    private mutating func append(_ text: SourceText, _ range: Range<Int>, of file: Int) {
        guard body.count + range.count <= Limits.schemaBytes else {
            return reportTooLarge(text, file)
        }
        parts.append(ImportedSchema.Part(start: body.count, file: file, range: range))
        body += text.bytes[range]
    }

    private mutating func include(
        _ syntax: ImportSyntax,
        from file: String,
        in text: SourceText,
        depth: Int,
        _ collector: inout DiagnosticCollector
    ) {
        let quoted = text.quoted(syntax.path.range)
        guard let path = SchemaPath.resolve(syntax.path.text, from: file) else {
            return collector.report(
                .importNotLocal,
                "\(quoted) leads out of the folder of the file that imports it, or nowhere",
                at: syntax.path.range,
                hint: "import files of this folder and those below it, by relative paths"
            )
        }
        if let isComplete = completed[path] {
            guard !isComplete else { return }
            return collector.report(
                .importCycle,
                "\(quoted) imports this file in turn, directly or through others",
                at: syntax.path.range,
                hint: "move what both need to a file of its own"
            )
        }
        guard completed.count <= Limits.importedFiles, depth < Limits.importDepth else {
            return collector.report(
                .tooManyImports,
                "a schema imports at most \(Limits.importedFiles) files, at most \(Limits.importDepth) deep",
                at: syntax.path.range,
                hint: "join some of the files"
            )
        }
        guard let source = load(path) else {
            return collector.report(
                .importNotFound,
                "there is no file \(quoted), or it cannot be read",
                at: syntax.path.range,
                hint: "paths are relative to the file that has the import"
            )
        }
        if body.last != UInt8(ascii: "\n"), !body.isEmpty { body.append(UInt8(ascii: "\n")) }
        add(source, path: path, depth: depth + 1)
    }

    private mutating func reportTooLarge(_ text: SourceText, _ file: Int) {
        guard !diagnostics.contains(where: { $0.code == .schemaTooLarge }) else { return }
        var collector = DiagnosticCollector()
        collector.report(
            .schemaTooLarge,
            "a schema has at most \(Limits.schemaBytes) bytes, together with all that it imports",
            at: 0..<0
        )
        diagnostics += collector.diagnostics(in: text, file: files[file].path)
    }
}

extension Diagnostic {
    /// The same in a file.
    fileprivate func inFile(_ path: String) -> Diagnostic {
        var diagnostic = self
        diagnostic.file = path
        diagnostic.notes = notes.map { note in
            var note = note
            note.file = path
            return note
        }
        return diagnostic
    }
}
