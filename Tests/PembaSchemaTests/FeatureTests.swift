// Pemba: caveats, expiry, self, partials, annotations and comments.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import Testing

/// What the flags of `use` and caveats add means what its author wrote.
struct FeatureTests {
    @Test func tuplesCarryWhatRelationsDemand() throws {
        let schema = try compiled(
            """
            use expiration
            definition user {}
            caveat other(aaa bool) {
              aaa
            }
            definition thing {
              relation own: user | user:* with acme/tier | thing#own with expiration |
                user with other and expiration | user with expiration
            }
            caveat acme/tier(level int) {
              level > 3
            }
            """
        )
        #expect(schema.caveats.map(\.name) == ["other", "acme/tier"])
        #expect(
            schema.definitions[1].relations[0].kind
                == .relation([
                    AllowedSubject(definition: 0, form: .object),
                    AllowedSubject(definition: 0, form: .wildcard, caveat: 1),
                    AllowedSubject(definition: 1, form: .userset(0), hasExpiration: true),
                    AllowedSubject(definition: 0, form: .object, caveat: 0, hasExpiration: true),
                    AllowedSubject(definition: 0, form: .object, hasExpiration: true),
                ])
        )
        guard case .relation(let subjects) = schema.definitions[1].relations[0].kind else { return }
        #expect(
            subjects.map(schema.text(of:)) == [
                "user", "user:* with acme/tier", "thing#own with expiration", "user with other and expiration",
                "user with expiration",
            ]
        )
    }

    /// The condition ends at the brace that closes the caveat, not at one in a text, a comment or a map.
    @Test(arguments: [
        "aaa == \"}\"", "aaa == '}'", "aaa == \"\"\"}\n}\"\"\"", "aaa == '''}\"'''", "aaa == \"\\\"}\"",
        "aaa == 'a\\\\' && '}' == aaa", "aaa == r'\\' || aaa == rb'}'.string()", "{'a': {'b': aaa}}.a.b == aaa",
        "// }\n  aaa == 'b'", "aaa == 'b' // }",
    ])
    func conditionsAreReadWhole(body: String) throws {
        let source = "caveat cav(aaa string) {\n  \(body)\n}\ndefinition user {}"
        let text = try SchemaFormatter.format(source)
        #expect(text.hasSuffix("\n}\n\ndefinition user {}\n"))
        #expect(!SchemaCompiler.analyze(source).diagnostics.contains { $0.code == .unclosedCaveat })
    }

    @Test func caveatsKeepWhatWasWritten() throws {
        let schema = try compiled(
            "// Who may.\ncaveat cav(level int, names list<map<any>>, until timestamp) {\n"
                + "  level  > 3 &&\n    {} in names && until > until\n\n}"
        )
        let caveat = try #require(schema.caveats.first)
        #expect(caveat.body == "level  > 3 &&\n    {} in names && until > until")
        #expect(caveat.documentation == "Who may.")
        #expect(
            caveat.parameters == [
                ConditionParameter(name: "level", type: .int),
                ConditionParameter(name: "names", type: .list(.map(.any))),
                ConditionParameter(name: "until", type: .timestamp),
            ]
        )
    }

    @Test func selfIsTheObject() throws {
        let schema = try compiled(
            "use self\ndefinition user {\n  relation own: user\n  permission all = (self) + own\n}"
        )
        #expect(schema.definitions[0].relations[1].kind == .permission(.union([.selfReference, .computedUserset(0)])))
    }

    @Test func partialsAreTakenOverInPlace() throws {
        let schema = try compiled(
            """
            use partial
            definition thing {
              relation first: user
              ...some
              permission last = view
            }
            partial some {
              // The owner.
              relation own: user
              ...more
            }
            partial more {
              permission view = own + first
            }
            partial unused {
              relation own: ghost
            }
            definition user {}
            """
        )
        #expect(schema.definitions.map(\.name) == ["thing", "user"])
        #expect(schema.definitions[0].relations.map(\.name) == ["first", "own", "view", "last"])
        #expect(schema.definitions[0].relations[1].documentation == "The owner.")
        #expect(try schema.text(of: "view", in: "thing") == "own + first")
    }

    @Test(arguments: [
        ("user", "own", true), ("user | team", "own + par->all", true), ("user", "own + par->all", false),
        ("team", "own", false), ("thing", "self", true), ("user", "self", false), ("user", "nil", true),
        ("user | team", "own - par->all", true), ("user", "own & par.all(all)", false), ("user", "own + loop", true),
    ])
    func annotationsAreChecked(annotation: String, expression: String, isComplete: Bool) {
        let source = """
            use typechecking
            use self
            definition user {}
            definition team {
              relation member: team | user:* with cav
              permission all = member
            }
            caveat cav(aaa bool) {
              aaa
            }
            definition thing {
              relation own: user | thing#own
              relation par: team
              permission loop = own + loop
              // spicedb-ignore-warning: permission-references-itself
              permission view: \(annotation) = \(expression)
            }
            """
        let analysis = SchemaCompiler.analyze(source)
        #expect((analysis.schema != nil) == isComplete, "\(analysis.diagnostics.map { $0.rendered(file: "") })")
        guard let relation = analysis.schema?.definitions[2].relations[3] else { return }
        #expect(relation.resultTypes == annotation.split(separator: " ").filter { $0 != "|" }.map(String.init))
    }

    @Test func annotationsMeanNothingWithoutTheFlag() {
        let source = "definition user {\n  relation own: user\n  permission view: ghost = own\n}"
        #expect(SchemaCompiler.analyze(source).schema?.definitions[0].relations[1].resultTypes == nil)
        #expect(findings(source) == ["3:18 ignored-type-annotation"])
    }

    @Test(arguments: [
        ("// One.", "One."), ("//One.\n//  Two.", "One.\nTwo."), ("/* One. */", "One."),
        ("/**\n * One.\n *\n * Two.\n */", "One.\n\nTwo."),
        ("/* One,\n   two. */", "One,\ntwo."), ("// spicedb-ignore-warning: permission-references-itself", nil),
        ("//", nil),
        ("/**/", nil), ("/***/", nil), ("", nil),
    ])
    func commentsAreKept(comment: String, documentation: String?) throws {
        let schema = try compiled(
            "\(comment)\ndefinition user { // none\n\n\(comment)\n\n  relation own: user // nor this\n\(comment)\n"
                + "  permission all = own\n}"
        )
        #expect(schema.definitions[0].documentation == documentation)
        #expect(schema.definitions[0].relations.map(\.documentation) == [documentation, documentation])
    }

    /// A warning is silenced before the member or the definition that it is about, by its name and nothing else.
    @Test(arguments: [
        ("", "// spicedb-ignore-warning: permission-references-itself", true),
        ("", "/* spicedb-ignore-warning:   permission-references-itself */", true),
        ("// spicedb-ignore-warning: permission-references-itself", "", true),
        ("", "// spicedb-ignore-warning: arrow-references-relation", false),
        ("", "// spicedb-ignore-warning: permission-references-itself!", false),
        ("", "// ignore-warning: permission-references-itself", false),
    ])
    func warningsAreSilenced(before definition: String, member: String, isSilent: Bool) {
        let source =
            "\(definition)\ndefinition user {\n  relation own: user\n\(member)\n  permission all = own + all\n}"
        #expect(findings(source).isEmpty == isSilent)
    }

    @Test func everyLintCanBeSilenced() {
        func source(_ comments: [String]) -> String {
            """
            definition team {
              relation member: team
            }
            definition thing {
              relation own: thing#own
              relation par: team
            \(comments.map { "  // spicedb-ignore-warning: \($0)" }.joined(separator: "\n"))
              permission the_thing = own->own + par->member + par->ghost + the_thing
            }
            """
        }
        let all = [
            "relation-name-references-parent", "arrow-walks-subject-relation", "arrow-references-relation",
            "arrow-references-unreachable-relation", "permission-references-itself",
        ]
        #expect(findings(source([])).map { $0.split(separator: " ")[1] }.map(String.init) == all)
        #expect(findings(source(all)) == [])
        for one in all { #expect(findings(source(all.filter { $0 != one })).count == 1) }
    }

    /// The flag for SpiceDB's ids reserves no word: whoever has such a relation keeps it.
    @Test func idsFollowTheFlag() throws {
        #expect(try compiled("definition user {}").ids == .any)
        let strict = try compiled("use spicedb_ids\ndefinition user {\n  relation spicedb_ids: user\n}")
        #expect(strict.ids == .spiceDB)
    }

    @Test func flagsMayBeRepeated() throws {
        _ = try compiled("use self\nuse self; use expiration use partial\ndefinition user {}")
    }
}
