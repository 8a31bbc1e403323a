// Pemba: schemas at and beyond every limit.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import Testing

/// A schema at a limit compiles, and one beyond it gets an error that names it.
struct LimitTests {
    private func thing(_ expression: String) -> String {
        "definition user {}\ndefinition thing {\n  relation own: user\n  permission all = \(expression)\n}"
    }

    @Test func bytes() throws {
        let schema = "definition user {}"
        let room = Limits.schemaBytes - schema.utf8.count
        _ = try compiled(schema + String(repeating: "\n", count: room))
        let beyond = SchemaCompiler.analyze(schema + String(repeating: "\n", count: room + 1))
        #expect(beyond.diagnostics.map(\.code) == [.schemaTooLarge])
        #expect(beyond.diagnostics.first?.message.contains("1048576") == true)
    }

    @Test func definitions() throws {
        let most = (0..<Limits.definitionsPerSchema).map { "definition type_\($0) {}\n" }.joined()
        _ = try compiled(most)
        #expect(findings(most + "definition one_more {}\ndefinition two_more {}") == ["4097:1 too-many-definitions"])
    }

    @Test func relations() throws {
        let most = (0..<Limits.relationsPerDefinition).map { "relation rel_\($0): user\n" }.joined()
        _ = try compiled("definition user {\n\(most)}")
        #expect(findings("definition user {\n\(most)permission all = nil\n}") == ["4096:1 too-many-relations"])
    }

    @Test(arguments: [("(", ")"), ("nil - (", ")"), ("own + nil & (", ")")])
    func nesting(open: String, close: String) {
        for count in [300, 50_000] {
            let expression = String(repeating: open, count: count) + "own" + String(repeating: close, count: count)
            let codes = SchemaCompiler.analyze(thing(expression)).diagnostics.map(\.code)
            #expect(codes == [.expressionTooDeep], "\(count) times \(open)")
        }
    }

    @Test func parentheses() throws {
        let depth = Limits.expressionDepth
        let close = String(repeating: ")", count: depth)
        _ = try compiled(thing(String(repeating: "(", count: depth) + "own" + close))
        // What is flattened adds no level.
        _ = try compiled(thing(String(repeating: "own + (", count: depth) + "own" + close))
        _ = try compiled(
            thing(String(repeating: "(", count: depth) + "own" + String(repeating: "& own)", count: depth))
        )
    }

    @Test func chains() throws {
        _ = try compiled(thing("own" + String(repeating: " + own", count: 50_000)))
        _ = try compiled(thing("own" + String(repeating: " & own", count: 50_000)))
        _ = try compiled(thing("own" + String(repeating: " - own", count: Limits.expressionDepth - 1)))
        // Each subtraction is a level of the compiled expression, parentheses or not.
        let tooDeep = thing("own" + String(repeating: " - own", count: 50_000))
        #expect(SchemaCompiler.analyze(tooDeep).diagnostics.map(\.code) == [.expressionTooDeep])
        let mixed = thing(
            "(own" + String(repeating: " - own", count: 200) + ")" + String(repeating: " - own", count: 200)
        )
        #expect(SchemaCompiler.analyze(mixed).diagnostics.map(\.code) == [.expressionTooDeep])
        let arrows = thing("own" + String(repeating: "->own", count: 50_000))
        #expect(SchemaCompiler.analyze(arrows).diagnostics.map(\.code) == [.nestedArrow])
    }

    private func caveat(_ name: String, _ parameters: String) -> String {
        "caveat \(name)(\(parameters)) {\n  aaa == 1\n}\n"
    }

    @Test func caveats() throws {
        let most = (0..<Limits.caveatsPerSchema).map { caveat("cav_\($0)", "aaa int") }.joined()
        _ = try compiled(most)
        #expect(findings(most + caveat("one", "aaa int") + caveat("two", "aaa int")) == ["12289:1 too-many-caveats"])
    }

    @Test func parameters() throws {
        let names = (0..<Limits.caveatParameters).map { "par_\($0)" }
        let list = names.map { "\($0) int" }.joined(separator: ", ")
        let body = names.joined(separator: " + ")
        _ = try compiled("caveat cav(\(list)) {\n  \(body) == 1\n}")
        #expect(findings("caveat cav(\(list), aaa int) {\n  \(body) == aaa\n}") == ["1:242 too-many-parameters"])
    }

    @Test func parameterTypes() throws {
        func nested(_ levels: Int) -> String {
            let type = String(repeating: "list<", count: levels) + "int" + String(repeating: ">", count: levels)
            return "caveat cav(aaa \(type)) {\n  aaa == aaa\n}"
        }
        _ = try compiled(nested(Limits.parameterTypeDepth - 1))
        #expect(
            SchemaCompiler.analyze(nested(Limits.parameterTypeDepth)).diagnostics.map(\.code) == [.parameterTypeTooDeep]
        )
        #expect(SchemaCompiler.analyze(nested(50_000)).diagnostics.map(\.code) == [.parameterTypeTooDeep])
    }

    @Test func partials() throws {
        func chain(_ count: Int, isReversed: Bool) -> String {
            var links = ["partial par_0 {\n relation own: user\n}\n"]
            links += (1..<count).map { "partial par_\($0) {\n ...par_\($0 - 1)\n}\n" }
            if isReversed { links.reverse() }
            return "use partial\n" + links.joined() + "definition user {\n ...par_\(count - 1)\n}"
        }
        for isReversed in [false, true] {
            let deepest = try compiled(chain(Limits.partialDepth, isReversed: isReversed))
            #expect(deepest.definitions[0].relations.map(\.name) == ["own"])
            let codes = SchemaCompiler.analyze(chain(Limits.partialDepth + 1, isReversed: isReversed)).diagnostics
                .map(\.code)
            #expect(Set(codes) == [.partialsTooDeep])
            let beyond = SchemaCompiler.analyze(chain(20_000, isReversed: isReversed)).diagnostics.map(\.code)
            #expect(Set(beyond) == [.partialsTooDeep])
        }
        // Partials that double at every level are read once each, and what they come to is bounded.
        let doubled = (1..<60).map { "partial par_\($0) {\n ...par_\($0 - 1)\n ...par_\($0 - 1)\n}\n" }.joined()
        let power = "use partial\npartial par_0 {\n relation own: user\n}\n\(doubled)"
        #expect(SchemaCompiler.analyze(power).diagnostics.contains { $0.code == .partialsTooLarge })
        // Comments are taken over as well.
        let comment = "// " + String(repeating: "a", count: Limits.splicedBytes / 4)
        let definitions = (0..<10).map { "definition type_\($0) {\n ...some\n}\n" }.joined()
        let commented = "use partial\npartial some {\n\(comment)\n relation own: type_0\n}\n\(definitions)"
        #expect(Set(SchemaCompiler.analyze(commented).diagnostics.map(\.code)) == [.partialsTooLarge])
    }

    @Test func annotations() {
        let types = (0..<2_000).map { "definition type_\($0) {\n  permission view = nil\n}\n" }.joined()
        let list = (0..<2_000).map { "type_\($0)" }.joined(separator: " | ")
        let permissions = (0..<3_000).map { "  permission per_\($0): user = own->view\n" }.joined()
        let source =
            "use typechecking\ndefinition user {}\n\(types)definition thing {\n  relation own: \(list)\n\(permissions)}"
        #expect(SchemaCompiler.analyze(source).diagnostics.map(\.code) == [.typeCheckTooLarge])
    }

    /// Very many errors are counted, not kept.
    @Test func errors() {
        let source = "definition user {\n" + String(repeating: "relation x: ghost\n", count: 4_000) + "}"
        let analysis = SchemaCompiler.analyze(source)
        #expect(analysis.diagnostics.count == 100)
        #expect(analysis.omittedErrorCount == 4_000 + 3_999 + 4_000 - 100)
        let error = #expect(throws: SchemaErrors.self) { try SchemaCompiler.compile(source) }
        #expect(error?.description.hasSuffix("and 11899 more errors\n") == true)
    }
}
