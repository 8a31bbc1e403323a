// Pemba: diagnostics as people read them.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import Testing

/// The text of a diagnostic shows the place and names the way out.
struct RenderingTests {
    private func text(_ source: String) -> String {
        SchemaCompiler.analyze(source).diagnostics.map { $0.rendered(file: "docs.zed") }.joined()
    }

    @Test func showsTheLineTheMarkAndTheHint() {
        let source = "definition user {}\ndefinition thing {\n  relation viewer: user\n\tpermission view = viwer\r\n}"
        #expect(
            text(source) == """
                docs.zed:4:20: error: definition `thing` has no relation or permission `viwer` [unknown-relation]
                 4 | \tpermission view = viwer
                   | \t                  ^^^^^
                hint: did you mean `viewer`?

                """
        )
    }

    @Test func showsTheOtherPlace() {
        #expect(
            text("definition user {}\ndefinition user {}") == """
                docs.zed:2:1: error: definition `user` is already declared [duplicate-definition]
                 2 | definition user {}
                   | ^^^^^^^^^^^^^^^
                docs.zed:1:1: note: the first declaration
                 1 | definition user {}
                   | ^^^^^^^^^^^^^^^
                hint: merge the two, or choose another name

                """
        )
    }

    @Test func marksCharactersNotBytes() throws {
        let diagnostic = try #require(SchemaCompiler.analyze("/* ключ */ definition Ключ {}").diagnostics.first)
        #expect(diagnostic.excerpt.markStart == 11 && diagnostic.excerpt.markCount == 15)
        #expect(diagnostic.range.start.offset == 15 && diagnostic.range.end.offset == 34)
    }

    @Test func cutsLongLinesAndNames() throws {
        let name = String(repeating: "long", count: 5_000)
        let source = "/* \(name) */ definition \(name) {} /* \(name) */"
        let diagnostic = try #require(SchemaCompiler.analyze(source).diagnostics.first)
        #expect(diagnostic.range.start.column == 20_008)
        #expect(diagnostic.excerpt.text.unicodeScalars.count == 162)
        #expect(diagnostic.rendered(file: "docs.zed").utf8.count < 1_000)
    }

    @Test(arguments: [
        ("relation other: usr", "did you mean `user`?"),
        ("relation other: nobody", "add `definition nobody {}`"),
        ("permission view = veiwer", "did you mean `viewer`?"),
        ("permission view = onw", "did you mean `own`?"),
        ("relation other: user, user", "between two names"),
        ("permision view = viewer", "did you mean `permission`?"),
        ("permission view = viewer->viewer->viewer", "give `viewer->viewer` a permission of its own"),
    ])
    func saysTheWayOut(member: String, hint: String) throws {
        let source =
            "definition user {}\ndefinition thing {\n  relation viewer: user\n  relation own: user\n  \(member)\n}"
        let diagnostic = try #require(SchemaCompiler.analyze(source).diagnostics.first)
        #expect(diagnostic.hint?.hasPrefix(hint) == true, "\(String(describing: diagnostic.hint))")
    }

    @Test func errorsCarryAllButWarnings() {
        let source =
            "definition user {\n  relation own: usr\n  permission view: user = own + view\n  relation own: user\n}"
        let error = #expect(throws: SchemaErrors.self) { try SchemaCompiler.compile(source) }
        #expect(error?.diagnostics.map(\.code) == [.unknownDefinition, .duplicateRelation])
        #expect(error?.rendered(file: "docs.zed").contains("docs.zed:4:3: error: ") == true)
    }
}
