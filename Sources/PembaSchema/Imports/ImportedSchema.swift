// Pemba: one schema made of several files.
// SPDX-License-Identifier: Apache-2.0

/// One schema made of several files, which remembers where each part comes from.
package struct ImportedSchema: Sendable {
    /// A stretch of the schema that stands in a file as it is.
    struct Part: Sendable {
        /// Bytes of the schema before it.
        let start: Int
        /// The number of the file.
        let file: Int
        /// The bytes of the file.
        let range: Range<Int>
    }

    /// A file that was read.
    struct File: Sendable {
        let path: String
        let text: SourceText
    }

    /// The schema as one text, which needs no other file: what a cluster is given.
    package let source: String
    /// The stretches from files, in the order of the schema.
    let parts: [Part]
    let files: [File]

    /// Compiles the schema and says everything about it, at the places of the files.
    package func analyze() -> SchemaAnalysis {
        let analysis = SchemaCompiler.analyze(source)
        let lines = files.map { SourceLines(of: $0.text) }
        return SchemaAnalysis(
            schema: analysis.schema,
            diagnostics: analysis.diagnostics.map { located($0, lines) },
            omittedErrorCount: analysis.omittedErrorCount
        )
    }

    private func located(_ diagnostic: Diagnostic, _ lines: [SourceLines]) -> Diagnostic {
        let notes = diagnostic.notes.map { note in
            guard let (file, range) = place(of: note.range) else { return note }
            return Diagnostic.Note(
                message: note.message,
                file: files[file].path,
                range: lines[file].range(range),
                excerpt: lines[file].excerpt(range)
            )
        }
        guard let (file, range) = place(of: diagnostic.range) else { return diagnostic }
        return Diagnostic(
            code: diagnostic.code,
            message: diagnostic.message,
            file: files[file].path,
            range: lines[file].range(range),
            excerpt: lines[file].excerpt(range),
            hint: diagnostic.hint,
            notes: notes
        )
    }

    /// The file in which a stretch of the schema begins, and the part of the stretch that stands there.
    private func place(of range: SourceRange) -> (file: Int, range: Range<Int>)? {
        let start = range.start.offset
        guard let part = parts.last(where: { $0.start <= start }) else { return nil }
        let first = min(part.range.lowerBound + start - part.start, part.range.upperBound)
        let count = range.end.offset - start
        return (part.file, first..<min(first + count, part.range.upperBound))
    }
}
