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
