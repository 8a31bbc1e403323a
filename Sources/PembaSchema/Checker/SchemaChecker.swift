// Pemba: checks what a schema says, name by name and type by type.
// SPDX-License-Identifier: Apache-2.0

import PembaCore

/// A relation or permission by the places of its definition and itself.
struct MemberNumber: Hashable {
    let definition: Int
    let member: Int
}

/// Checks the syntax tree of a schema and makes the compiled schema of it.
///
/// Definitions and members keep their places in the tree as their numbers. Of two with one name, the first counts.
struct SchemaChecker {
    let tree: SyntaxTree
    let text: SourceText
    var collector: DiagnosticCollector
    /// The number of each definition.
    private(set) var definitionNumbers: [String: Int] = [:]
    /// The number of each relation and permission, by definition.
    private(set) var memberNumbers: [[String: Int]] = []
    /// The number of each caveat.
    private(set) var caveatNumbers: [String: Int] = [:]
    /// The parameters and condition of each caveat; nil for one with errors.
    var conditions: [CheckedCondition?] = []

    /// Checks the tree; nil if anything, here or before, is an error.
    static func check(
        _ tree: SyntaxTree,
        of text: SourceText,
        into collector: inout DiagnosticCollector
    ) -> CompiledSchema? {
        let expanded = PartialExpander.expand(tree, of: text, into: &collector)
        var checker = SchemaChecker(tree: expanded, text: text, collector: collector)
        checker.declareBlocks()
        checker.declareMembers()
        checker.checkCaveats()
        let wildcards = WildcardReach(of: checker)
        checker.checkRelations(wildcards: wildcards)
        checker.checkPermissions(wildcards: wildcards)
        if !checker.collector.hasErrors { checker.checkAnnotations() }
        if !checker.collector.hasErrors { checker.lint() }
        collector = checker.collector
        return collector.hasErrors ? nil : checker.compiled()
    }

    private init(tree: SyntaxTree, text: SourceText, collector: DiagnosticCollector) {
        self.tree = tree
        self.text = text
        self.collector = collector
    }

    // MARK: Declarations

    /// What stands at the top level and has a name: all names are of one space.
    private struct Block {
        let keyword: String
        let rule: NameRule
        let name: NameSyntax
        let range: Range<Int>
        let number: Int
    }

    private mutating func declareBlocks() {
        var blocks = tree.definitions.enumerated().map {
            Block(keyword: "definition", rule: .definition, name: $1.name, range: $1.range, number: $0)
        }
        blocks += tree.partials.enumerated().map {
            Block(keyword: "partial", rule: .definition, name: $1.name, range: $1.range, number: $0)
        }
        blocks += tree.caveats.enumerated().map {
            Block(keyword: "caveat", rule: .caveat, name: $1.name, range: $1.range, number: $0)
        }
        blocks.sort { $0.range.lowerBound < $1.range.lowerBound }
        var firsts: [String: Block] = [:]
        for block in blocks {
            checkCount(of: block)
            let quoted = text.quoted(block.name.range)
            if !block.rule.admits(block.name.text) {
                collector.report(
                    .invalidName,
                    "\(quoted) is no name for a \(block.keyword): \(block.rule.text)",
                    at: block.range
                )
            }
            if let first = firsts[block.name.text] {
                collector.report(
                    .duplicateDefinition,
                    "\(first.keyword) \(quoted) is already declared",
                    at: block.range,
                    hint: first.keyword == block.keyword
                        ? "merge the two, or choose another name"
                        : "choose another name: definitions, partials and caveats share one space of names",
                    note: ("the first declaration", first.range)
                )
            } else {
                firsts[block.name.text] = block
                if block.keyword == "definition" { definitionNumbers[block.name.text] = block.number }
                if block.keyword == "caveat" { caveatNumbers[block.name.text] = block.number }
            }
        }
    }

    private mutating func checkCount(of block: Block) {
        if block.keyword == "definition", block.number == Limits.definitionsPerSchema {
            collector.report(
                .tooManyDefinitions,
                "a schema has at most \(Limits.definitionsPerSchema) definitions, this one has \(tree.definitions.count)",
                at: block.range
            )
        }
        if block.keyword == "caveat", block.number == Limits.caveatsPerSchema {
            collector.report(
                .tooManyCaveats,
                "a schema has at most \(Limits.caveatsPerSchema) caveats, this one has \(tree.caveats.count)",
                at: block.range
            )
        }
    }

    private mutating func declareMembers() {
        memberNumbers.reserveCapacity(tree.definitions.count)
        for definition in tree.definitions {
            var numbers: [String: Int] = [:]
            for (number, member) in definition.members.enumerated() {
                if number == Limits.relationsPerDefinition {
                    collector.report(
                        .tooManyRelations,
                        "a definition has at most \(Limits.relationsPerDefinition) relations and permissions, "
                            + "\(text.quoted(definition.name.range)) has \(definition.members.count)",
                        at: member.range
                    )
                }
                declare(member, numbered: number, of: definition, in: &numbers)
            }
            memberNumbers.append(numbers)
        }
    }

    private mutating func declare(
        _ member: MemberSyntax,
        numbered number: Int,
        of definition: DefinitionSyntax,
        in numbers: inout [String: Int]
    ) {
        let quoted = text.quoted(member.name.range)
        if !NameRule.relation.admits(member.name.text) {
            collector.report(
                .invalidName,
                "\(quoted) is no name for a \(member.kindName): \(NameRule.relation.text)",
                at: member.range
            )
        }
        if let first = numbers[member.name.text] {
            let other = definition.members[first]
            collector.report(
                .duplicateRelation,
                "definition \(text.quoted(definition.name.range)) already has a \(other.kindName) \(quoted)",
                at: member.range,
                hint: "choose another name",
                note: ("the first declaration", other.range)
            )
        } else {
            numbers[member.name.text] = number
        }
    }
}
