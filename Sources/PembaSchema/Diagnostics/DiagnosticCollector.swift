// Pemba: collects what is wrong with a schema.
// SPDX-License-Identifier: Apache-2.0

/// Collects what the stages find.
///
/// Bounded: beyond `keptMax` of a severity, findings are only counted.
struct DiagnosticCollector {
    /// The most diagnostics of one severity that are kept.
    static let keptMax = 100

    /// A finding whose places are still offsets.
    private struct Finding {
        let code: DiagnosticCode
        let message: String
        let range: Range<Int>
        let hint: String?
        let note: (message: String, range: Range<Int>)?
    }

    /// What a kept finding is about, and where.
    private struct Place: Hashable {
        let code: DiagnosticCode
        let range: Range<Int>
    }

    private var errors: [Finding] = []
    private var warnings: [Finding] = []
    private var places: Set<Place> = []
    private(set) var omittedErrors = 0

    var hasErrors: Bool { !errors.isEmpty }

    mutating func report(
        _ code: DiagnosticCode,
        _ message: @autoclosure () -> String,
        at range: Range<Int>,
        hint: @autoclosure () -> String? = nil,
        note: (message: String, range: Range<Int>)? = nil
    ) {
        guard !isKnown(code, message, at: range) else { return }
        // The texts are made only for what is kept: looking for similar names is not free.
        if code.severity == .warning {
            guard warnings.count < DiagnosticCollector.keptMax else { return }
            places.insert(Place(code: code, range: range))
            warnings.append(Finding(code: code, message: message(), range: range, hint: hint(), note: note))
        } else {
            guard errors.count < DiagnosticCollector.keptMax else {
                omittedErrors += 1
                return
            }
            places.insert(Place(code: code, range: range))
            errors.append(Finding(code: code, message: message(), range: range, hint: hint(), note: note))
        }
    }

    /// Whether the same was kept before: what stands in a partial is met wherever it is taken over.
    private func isKnown(_ code: DiagnosticCode, _ message: () -> String, at range: Range<Int>) -> Bool {
        guard places.contains(Place(code: code, range: range)) else { return false }
        let kept = code.severity == .warning ? warnings : errors
        return kept.contains { $0.code == code && $0.range == range && $0.message == message() }
    }

    /// Everything kept, in the order of the source; findings at one place in the order in which they were reported.
    func diagnostics(in text: SourceText, file: String? = nil) -> [Diagnostic] {
        let findings = errors + warnings
        guard !findings.isEmpty else { return [] }
        let lines = SourceLines(of: text)
        let order = findings.indices.sorted {
            (findings[$0].range.lowerBound, $0) < (findings[$1].range.lowerBound, $1)
        }
        return order.map { index in
            let finding = findings[index]
            return Diagnostic(
                code: finding.code,
                message: finding.message,
                file: file,
                range: lines.range(finding.range),
                excerpt: lines.excerpt(finding.range),
                hint: finding.hint,
                notes: finding.note.map { note in
                    [
                        Diagnostic.Note(
                            message: note.message,
                            file: file,
                            range: lines.range(note.range),
                            excerpt: lines.excerpt(note.range)
                        )
                    ]
                } ?? []
            )
        }
    }
}
