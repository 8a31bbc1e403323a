// Pemba: takes the members of partials over into definitions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// Replaces every `...name` by the members of that partial.
///
/// Each partial is resolved once, whatever refers to it, and what all of it comes to is bounded: partials inside
/// partials would otherwise grow like a power.
struct PartialExpander {
    /// What a block holds when all that it takes over is in its place.
    private struct Resolution {
        var members: [MemberSyntax] = []
        var isIncomplete: Bool
        /// Partials inside partials: 0 without any.
        var levels = 0
        var byteCount = 0
    }

    private enum Progress {
        case waiting
        case begun
        case done(Resolution)
    }

    private let tree: SyntaxTree
    private let text: SourceText
    private var collector: DiagnosticCollector
    private var numbers: [String: Int] = [:]
    private var progress: [Progress]
    private var splicedBytes = 0

    /// The tree without splices; partials stay in it as names.
    static func expand(
        _ tree: SyntaxTree,
        of text: SourceText,
        into collector: inout DiagnosticCollector
    ) -> SyntaxTree {
        guard !tree.partials.isEmpty || tree.definitions.contains(where: { !$0.splices.isEmpty }) else { return tree }
        var expander = PartialExpander(tree: tree, text: text, collector: collector)
        var expanded = tree
        for (number, partial) in tree.partials.enumerated() {
            _ = expander.resolve(partial: number, depth: 1, at: partial.range)
        }
        for (number, definition) in tree.definitions.enumerated() {
            let resolution = expander.expand(definition, depth: 0)
            expanded.definitions[number].members = resolution.members
            expanded.definitions[number].isIncomplete = resolution.isIncomplete
        }
        collector = expander.collector
        return expanded
    }

    private init(tree: SyntaxTree, text: SourceText, collector: DiagnosticCollector) {
        self.tree = tree
        self.text = text
        self.collector = collector
        progress = tree.partials.map { _ in .waiting }
        for (number, partial) in tree.partials.enumerated() where numbers[partial.name.text] == nil {
            numbers[partial.name.text] = number
        }
    }

    /// The members of a definition or partial with those that it takes over, in the order of the source.
    private mutating func expand(_ block: DefinitionSyntax, depth: Int) -> Resolution {
        var all = Resolution(isIncomplete: block.isIncomplete)
        var place = 0
        for splice in block.splices {
            all.members += block.members[place..<splice.place]
            place = splice.place
            guard let spliced = resolve(splice, depth: depth) else {
                all.isIncomplete = true
                continue
            }
            all.members += spliced.members
            all.isIncomplete = all.isIncomplete || spliced.isIncomplete
            all.levels = max(all.levels, spliced.levels)
        }
        all.members += block.members[place...]
        return all
    }

    private mutating func resolve(_ splice: SpliceSyntax, depth: Int) -> Resolution? {
        guard let number = numbers[splice.name.text] else {
            reportUnknown(splice)
            return nil
        }
        guard let resolution = resolve(partial: number, depth: depth + 1, at: splice.range) else { return nil }
        guard splicedBytes + resolution.byteCount < Limits.splicedBytes else {
            collector.report(
                .partialsTooLarge,
                "what a schema takes over from partials comes to at most \(Limits.splicedBytes) bytes",
                at: splice.range,
                hint: "take over fewer or smaller partials"
            )
            return nil
        }
        // Taking over nothing costs something as well.
        splicedBytes += resolution.byteCount + 1
        return resolution
    }

    /// What a partial holds, or nil if it cannot be said, which is then reported at `range`.
    ///
    /// Recursion is bounded by `Limits.partialDepth`.
    private mutating func resolve(partial number: Int, depth: Int, at range: Range<Int>) -> Resolution? {
        let partial = tree.partials[number]
        switch progress[number] {
        case .done(let resolution): return isTooDeep(resolution.levels, at: range) ? nil : resolution
        case .begun:
            collector.report(
                .partialCycle,
                "partial \(text.quoted(partial.name.range)) takes itself over, directly or through others",
                at: range,
                hint: "take one of them out of the circle",
                note: ("the partial", partial.range)
            )
            return nil
        case .waiting: break
        }
        guard !isTooDeep(depth, at: range) else { return nil }
        progress[number] = .begun
        var resolution = expand(partial, depth: depth)
        resolution.levels += 1
        resolution.byteCount = resolution.members.reduce(0) { $0 + $1.byteCount }
        progress[number] = .done(resolution)
        return isTooDeep(resolution.levels, at: range) ? nil : resolution
    }

    private mutating func isTooDeep(_ levels: Int, at range: Range<Int>) -> Bool {
        guard levels > Limits.partialDepth else { return false }
        collector.report(
            .partialsTooDeep,
            "partials inside partials go at most \(Limits.partialDepth) levels deep",
            at: range,
            hint: "take the inner ones over directly"
        )
        return true
    }

    private mutating func reportUnknown(_ splice: SpliceSyntax) {
        guard !tree.isIncomplete else { return }
        let isPossible = tree.enabled.contains(.partial)
        collector.report(
            .unknownPartial,
            "there is no partial \(text.quoted(splice.name.range))",
            at: splice.range,
            hint: NameSuggestion.hint(for: splice.name.text, among: tree.partials.lazy.map(\.name.text))
                ?? (isPossible ? nil : "declare it, with `use partial` at the top of the schema")
        )
    }
}
