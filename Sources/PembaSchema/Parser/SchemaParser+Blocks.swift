// Pemba: reads what stands at the top level of a schema, and skips what cannot be read.
// SPDX-License-Identifier: Apache-2.0

extension SchemaParser {
    /// Reads `use flag`.
    mutating func parseUse(afterDefinition: Bool) {
        let start = token.range.lowerBound
        advance()
        let name = token.range
        switch token.kind {
        case .word, .keyword: advance()
        default:
            _ = missing(.expectedName, "expected the name of a flag after `use`, found \(tokenDescription)")
            return skipToTopLevel()
        }
        // As upstream, a flag is judged where its statement ends.
        let written = text.string(name)
        guard let flag = UseFlag(rawValue: written) else {
            let options = UseFlag.allCases.map(\.rawValue)
            collector.report(
                .unknownUseFlag,
                "there is no flag \(text.quoted(name)); the flags are \(options.joined(separator: ", "))",
                at: token.range,
                hint: NameSuggestion.hint(for: written, among: options)
            )
            return
        }
        enable(flag)
        tree.enabled.insert(flag)
        tree.flags.append(FlagSyntax(flag: flag, range: start..<name.upperBound))
        guard afterDefinition else { return }
        collector.report(
            .misplacedUse,
            "`use \(written)` must stand before the first definition",
            at: token.range,
            hint: "move it to the top of the schema"
        )
    }

    /// Reads `import "path"`.
    mutating func parseImport() {
        let start = token.range.lowerBound
        advance()
        let range = token.range
        guard token.kind == .string else {
            tree.isIncomplete = true
            _ = missing(.expectedName, "expected a path in quotation marks after `import`, found \(tokenDescription)")
            return skipToTopLevel()
        }
        let quoteCount =
            range.count >= 6 && text.bytes[range].prefix(3).allSatisfy { $0 == text.bytes[range.lowerBound] } ? 3 : 1
        let inner = (range.lowerBound + quoteCount)..<(range.upperBound - quoteCount)
        advance()
        tree.imports.append(
            ImportSyntax(path: NameSyntax(text: text.string(inner), range: range), range: start..<range.upperBound)
        )
    }

    /// Skips to what begins a block, or looks as if it should: a definition, a caveat or a word like those.
    mutating func skipToTopLevel() {
        let start = token.range.lowerBound
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .keyword(.definition), .keyword(.caveat): return
            case .keyword(.partial) where token.startsLine, .keyword(.import) where token.startsLine: return
            case .word where token.startsLine && depth == 0 && token.range.lowerBound > start:
                if isWord("use") || hintForBlockWord != nil { return }
            case .leftBrace: depth += 1
            case .rightBrace: depth = max(0, depth - 1)
            default: break
            }
            advanceQuietly()
        }
    }

    /// What the word here may be meant to be, if it is like one that begins a block.
    private var hintForBlockWord: String? {
        NameSuggestion.hint(for: text.string(token.range), among: ["definition", "caveat", "use"])
    }

    mutating func reportUnexpectedAtTopLevel() {
        let found = tokenDescription
        let hint: String? =
            switch token.kind {
            case .rightBrace: "this `}` closes nothing; take it out"
            case .keyword(.relation), .keyword(.permission): "relations and permissions stand inside a definition"
            case .word where isWord("partial") || isWord("import"):
                "put `use \(text.string(token.range))` at the top of the schema"
            case .word: hintForBlockWord
            default: nil
            }
        _ = missing(.expectedDefinition, "expected `definition` or `caveat`, found \(found)", hint: hint)
    }

    /// Reads `definition path { … }` or `partial path { … }`; nil where even its name cannot be read.
    mutating func parseDefinition(_ keyword: String) -> DefinitionSyntax? {
        let (start, comments) = (token.range.lowerBound, comments)
        advance()
        guard let name = try? expectPath("the name of a \(keyword)") else {
            skipBraces()
            return nil
        }
        let text = text
        var definition = DefinitionSyntax(name: name, range: start..<previousEnd, comments: comments)
        let brace = token.range
        do throws(Abandoned) {
            try expect(.leftBrace, "{", "after the name of \(keyword) \(text.quoted(name.range))")
        } catch {
            definition.isIncomplete = true
            skipBraces()
            return definition
        }
        while parseMember(of: &definition, openedAt: brace) {}
        return definition
    }

    /// Skips a block that may follow here.
    mutating func skipBraces() {
        var depth = 0
        while token.kind != .end {
            switch token.kind {
            case .leftBrace: depth += 1
            case .rightBrace:
                depth -= 1
                if depth <= 0 {
                    advance()
                    return
                }
            case .keyword(.definition), .keyword(.caveat), .keyword(.partial): return
            default: break
            }
            advanceQuietly()
        }
    }
}
