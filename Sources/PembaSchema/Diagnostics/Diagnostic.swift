// Pemba: one thing that is wrong with a schema, and where.
// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong with a schema: what, where, and the way out.
package struct Diagnostic: Sendable, Equatable {
    /// How bad it is.
    package enum Severity: String, Sendable {
        /// The schema cannot be used.
        case error
        /// The schema can be used, and probably does not do what its author means.
        case warning
    }

    /// Another place that explains the first.
    package struct Note: Sendable, Equatable {
        /// What is there.
        package let message: String
        /// The file, if it is one of several; nil where the schema is one text.
        package var file: String?
        /// Where.
        package let range: SourceRange
        /// The line of the source, with the place marked.
        package let excerpt: SourceExcerpt
    }

    /// What it is about.
    package let code: DiagnosticCode
    /// What is wrong: the input, the rule, and the way out where the hint does not give it.
    package let message: String
    /// The file, if it is one of several; nil where the schema is one text.
    package var file: String?
    /// Where it is.
    package let range: SourceRange
    /// The line of the source where it begins.
    package let excerpt: SourceExcerpt
    /// What to write instead.
    package let hint: String?
    /// Other places that explain it.
    package var notes: [Note]

    /// How bad it is.
    package var severity: Severity { code.severity }
}

/// A place in a source.
package struct SourcePosition: Sendable, Equatable {
    /// Bytes before it.
    package let offset: Int
    /// The line, from 1.
    package let line: Int
    /// The column in Unicode scalars, from 1.
    package let column: Int
}

/// A stretch of a source, from `start` up to and not including `end`.
package struct SourceRange: Sendable, Equatable {
    /// The first place that belongs to it.
    package let start: SourcePosition
    /// The first place after it.
    package let end: SourcePosition
}

/// The line of the source at which something points.
package struct SourceExcerpt: Sendable, Equatable {
    /// The line without its end; of a long line the part around the place, with `…` where it was cut.
    package let text: String
    /// Scalars of `text` before the place.
    package let markStart: Int
    /// Scalars of `text` that the place covers on this line, at least 1.
    package let markCount: Int
}
