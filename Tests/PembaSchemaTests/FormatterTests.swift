// Pemba: the one form of a schema.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaSchema
import PembaTestSupport
import Testing

/// Formatting changes spaces and nothing else, and changes nothing the second time.
struct FormatterTests {
    /// What somebody wrote, and its form.
    @Test(arguments: [
        ("", ""),
        ("\n\n;\n", ""),
        ("// only this\n", "// only this\n"),
        ("definition user{}", "definition user {}\n"),
        ("definition user {\n\n}", "definition user {}\n"),
        (
            "use import use self\n\n\nimport \"a\" import 'b'\ndefinition user {}",
            "use import\nuse self\n\nimport \"a\"\nimport 'b'\n\ndefinition user {}\n"
        ),
        (
            "definition user {} definition team { relation member:user|team  #  member; }",
            "definition user {}\n\ndefinition team {\n\trelation member: user | team#member\n}\n"
        ),
        (
            "definition thing {\n\n\n  relation own : user : * ;;\n\n\n\n  relation any: acme / user\n\n}",
            "definition thing {\n\trelation own: user:*\n\n\trelation any: acme/user\n}\n"
        ),
        (
            "definition user {\n relation own: user#...;\n relation any: user\n}",
            "definition user {\n\trelation own: user#...;\n\trelation any: user\n}\n"
        ),
        (
            "definition user {\n relation own: user#... /* c */ ;\n relation any: user#... // c\n ; relation all: user\n}",
            "definition user {\n\trelation own: user#... /* c */;\n\trelation any: user#... // c\n\t\t;\n\trelation all: user\n}\n"
        ),
        (
            "definition thing {\n relation own: user |\n    team | // why\n  other\n}",
            "definition thing {\n\trelation own: user |\n\t\tteam | // why\n\t\tother\n}\n"
        ),
        (
            "definition thing {\n permission all=(aaa+bbb)&par->ccc-par . all( ddd )\n}",
            "definition thing {\n\tpermission all = (aaa + bbb) & par->ccc - par.all(ddd)\n}\n"
        ),
        (
            "definition thing {\n permission all:user|team=nil\n}",
            "definition thing {\n\tpermission all: user | team = nil\n}\n"
        ),
        (
            "use partial\npartial some {}\ndefinition thing {\n ... some\n}",
            "use partial\n\npartial some {}\n\ndefinition thing {\n\t...some\n}\n"
        ),
        (
            "caveat cav ( aaa int,bbb map < list<any> > ) { aaa == 1 && bbb == {} }",
            "caveat cav(aaa int, bbb map<list<any>>) {\n\taaa == 1 && bbb == {}\n}\n"
        ),
        (
            "caveat cav(aaa map<int>) { aaa.?bbb.or( aaa[?'c'] ).orValue(0)==1 ? [?aaa.?d]==[] : {?'e':aaa.?e}=={} }",
            "caveat cav(aaa map<int>) {\n\taaa.?bbb.or( aaa[?'c'] ).orValue(0)==1 ? [?aaa.?d]==[] : {?'e':aaa.?e}=={}\n}\n"
        ),
        (
            "caveat cav(aaa int) {\n    aaa == 1 ||\n      aaa == 2   \n\n    // three\n    || aaa == 3\n}",
            "caveat cav(aaa int) {\n\taaa == 1 ||\n\t  aaa == 2\n\n\t// three\n\t|| aaa == 3\n}\n"
        ),
        (
            "caveat cav(aaa string) {\n  aaa == \"\"\"one\n  two\"\"\"\n}",
            "caveat cav(aaa string) {\n\taaa == \"\"\"one\n  two\"\"\"\n}\n"
        ),
        (
            "caveat cav(\n aaa int,\n bbb int) { aaa == bbb }",
            "caveat cav(\n\taaa int,\n\tbbb int) {\n\taaa == bbb\n}\n"
        ),
        (
            "definition user {} // the user\n// and\n\n\n/* so\n   on */\ndefinition team { // a team\n  // nothing\n}",
            "definition user {} // the user\n\n// and\n\n/* so\n   on */\ndefinition team { // a team\n\t// nothing\n}\n"
        ),
        (
            "definition user {\n    /**\n     * doc  \n     */\n    relation own: user /* x */ | /* y */ user:*\n}",
            "definition user {\n\t/**\n\t * doc\n\t */\n\trelation own: user /* x */ | /* y */ user:*\n}\n"
        ),
        (
            "definition user {\r\n\r\n  relation own: user\r\n\r\n  // c\r\n  relation any: user\r\n}\r\n",
            "definition user {\n\trelation own: user\n\n\t// c\n\trelation any: user\n}\n"
        ),
    ])
    func hasOneForm(source: String, form: String) throws {
        #expect(try SchemaFormatter.format(source) == form)
        #expect(try SchemaFormatter.format(form) == form)
    }

    @Test func refusesWhatCannotBeRead() {
        let error = #expect(throws: SchemaErrors.self) { try SchemaFormatter.format("definition user {") }
        #expect(error?.diagnostics.map(\.code) == [.unclosedDefinition])
        // What names mean is no matter of form.
        #expect(throws: Never.self) { try SchemaFormatter.format("definition user {\n\trelation own: ghost\n}") }
    }

    /// Every schema that others wrote: comments stay, the form is stable, and it means the same.
    @Test(.enabled(if: Conformance.isAvailable))
    func keepsMeaningAndComments() throws {
        var formatted = 0
        for source in try ConformanceTests.schemas() {
            guard let form = try? SchemaFormatter.format(source) else { continue }
            formatted += 1
            #expect(try SchemaFormatter.format(form) == form)
            #expect(words(form) == words(source))
            let (before, after) = (SchemaCompiler.analyze(source), SchemaCompiler.analyze(form))
            #expect(before.diagnostics.map(\.code) == after.diagnostics.map(\.code))
            #expect(before.schema?.definitions == after.schema?.definitions)
            #expect(before.schema?.caveats.map(\.name) == after.schema?.caveats.map(\.name))
            #expect(before.schema?.caveats.map { words($0.body) } == after.schema?.caveats.map { words($0.body) })
        }
        #expect(formatted > 250)
    }

    /// All of a text but its spaces and the semicolons that a line end replaces.
    private func words(_ text: String) -> String {
        String(text.unicodeScalars.filter { !$0.properties.isWhitespace && $0 != ";" })
    }
}
