// Pemba: every diagnostic, with its place.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import Testing

/// What is wrong with a schema is found, all of it, in its place, and nothing else is.
struct DiagnosticTests {
    /// A wrong schema and what must be found in it.
    struct Case: CustomTestStringConvertible {
        let name: String
        let source: String
        let findings: [String]
        var testDescription: String { name }

        init(_ name: String, _ source: String, _ findings: String...) {
            self.name = name
            self.source = source
            self.findings = findings
        }

        /// Lines inside `definition thing`, beside `user`, `team` and a few relations; they begin at line 7.
        init(_ name: String, members: String, _ findings: String...) {
            self.name = name
            self.findings = findings
            source = """
                definition user {}
                definition team {
                  relation member: user | user:*
                }
                definition thing {
                  relation viewer: user
                \(members)
                }
                """
        }
    }

    static let characters = [
        Case("a character without a meaning", "definition user {} @", "1:20 invalid-character"),
        Case("a run of them is one", "definition user {} @@ ` €", "1:20 invalid-character"),
        Case("in place of a name nothing is missing besides", members: "  relation own: @", "7:17 invalid-character"),
        Case("columns count characters", "/* ключ */ definition user {} @", "1:31 invalid-character"),
        Case("a byte order mark", "\u{FEFF}definition user {}", "1:1 invalid-character"),
        Case("an endless comment", "definition user {}\n  /* and\nso on", "2:3 unterminated"),
        Case("an endless text", "definition user {}\n\"path\n", "2:1 unterminated"),
    ]

    static let syntax = [
        Case("another word at the top", "definitoin user {}\ndefinition team {}", "1:1 expected-definition"),
        Case(
            "other words at the top",
            "nonsense thing {\n  definitio: user\n}\nuse\ndefinitoin foo {}\nrelation own: user\n}\ndefinition user {}",
            "1:1 expected-definition",
            "4:4 expected-name",
            "5:1 expected-definition"
        ),
        Case("a member at the top", "relation own: user\ndefinition user {}", "1:1 expected-definition"),
        Case("a brace too many", "definition user {}\n}\ndefinition team {}", "2:1 expected-definition"),
        Case("no name", "definition {\n relation own: user\n}\ndefinition user {}", "1:12 expected-name"),
        Case("a keyword as name", members: "  relation with: user\n  relation other: user", "7:12 expected-name"),
        Case("an unfinished path", "definition acme/ {}", "1:18 expected-name"),
        Case("no brace", "definition user\ndefinition team {}", "1:16 expected-mark"),
        Case("no colon", members: "  relation own user", "7:16 expected-mark"),
        Case("no equals", members: "  permission view viewer", "7:19 expected-mark"),
        Case("no types", members: "  relation own:", "8:1 expected-name"),
        Case("no type after |", members: "  relation own: user | | team", "7:24 expected-name"),
        Case("a half wildcard", members: "  relation own: user: | team", "7:23 expected-mark"),
        Case("a half subject relation", members: "  relation own: team# | user", "7:23 expected-name"),
        Case("no expression", members: "  permission view =", "8:1 expected-expression"),
        Case("no operand", members: "  permission view = viewer + & viewer", "7:30 expected-expression"),
        Case("nothing in parentheses", members: "  permission view = ()", "7:22 expected-expression"),
        Case("an open parenthesis", members: "  permission view = (viewer", "7:28 expected-mark"),
        Case(
            "a line begun with an operator",
            members: "  permission view = viewer\n    + viewer",
            "8:5 expected-member"
        ),
        Case("another word in a definition", members: "  permision view = viewer", "7:3 expected-member"),
        Case("two names in a row", members: "  permission view = viewer viewer", "7:28 expected-end"),
        Case("a brace on the line", "definition user {}\ndefinition thing { relation own: user }", "2:39 expected-end"),
        Case("nil before an arrow", members: "  permission view = nil->view", "7:24 expected-end"),
        Case(
            "`...` at the end of a line",
            members: "  relation own: user#...\n  relation other: user",
            "8:3 expected-end"
        ),
        Case("an arrow function", members: "  permission view = viewer.most(view)", "7:32 unknown-arrow-function"),
        Case("an arrow to an expression", members: "  permission view = viewer->(view)", "7:29 expected-name"),
        Case(
            "not closed at the end",
            "definition user {}\ndefinition thing {\n  relation own: user\n",
            "1:1 unclosed-definition"
        ),
        Case(
            "not closed before another",
            "definition thing {\n  relation own: user\ndefinition user {}",
            "3:1 unclosed-definition"
        ),
        Case("half an annotation", members: "  permission view: = viewer", "7:20 expected-name"),
    ]

    static let names = [
        Case("too short", "definition us {}", "1:1 invalid-name"),
        Case("capitals", "definition User {}", "1:1 invalid-name"),
        Case("a relation's name", members: "  relation x_: user", "7:3 invalid-name"),
        Case("a permission's name", members: "  permission 1st = viewer", "7:3 invalid-name"),
        Case("a name behind an arrow", members: "  permission view = viewer->No", "7:29 invalid-name"),
        Case("a definition twice", "definition user {}\ndefinition user {}", "2:1 duplicate-definition"),
        Case("a relation twice", members: "  relation viewer: team", "7:3 duplicate-relation"),
        Case("a relation as permission", members: "  permission viewer = nil", "7:3 duplicate-relation"),
        Case(
            "an unknown type",
            members: "  relation own: usr | ghost:*",
            "7:17 unknown-definition",
            "7:23 unknown-definition"
        ),
        Case("an unknown subject relation", members: "  relation own: team#membre", "7:22 unknown-relation"),
        Case("an unknown name", members: "  permission view = viwer + viewer", "7:21 unknown-relation"),
        Case("an unknown name before an arrow", members: "  permission view = parent->view", "7:21 unknown-relation"),
    ]

    static let types = [
        Case("a type twice", members: "  relation own: user | user#... | team", "7:24 duplicate-type"),
        Case("a wildcard twice", members: "  relation own: user:* | user:*", "7:26 duplicate-type"),
        Case(
            "a wildcard behind a subject relation",
            members: "  relation own: team#member",
            "7:17 transitive-wildcard"
        ),
        Case(
            "a wildcard far behind, whatever the order",
            """
            definition one { 
              relation own: two#own
            }
            definition two {
              relation own: two#all | two#own
              relation all: two#any
              relation any: user | user:*
            }
            definition user {}
            """,
            "2:17 transitive-wildcard"
        ),
        Case(
            "a permission before an arrow",
            members: "  permission edit = viewer\n  permission view = edit->view",
            "8:21 permission-left-of-arrow"
        ),
        Case(
            "a wildcard before an arrow",
            members: "  relation own: user:*\n  relation any: thing#own\n  permission view = any->view",
            "9:21 wildcard-in-arrow"
        ),
        Case("an arrow from an arrow", members: "  permission view = viewer->viewer->viewer", "7:21 nested-arrow"),
        Case(
            "permissions in a circle",
            members: "  permission one = two\n  permission two = (six)\n  permission six = two\n  permission own = own",
            "8:3 permission-cycle",
            "10:3 permission-cycle"
        ),
    ]

    static let features = [
        Case(
            "an import",
            "use import\nimport \"other.zed\"\ndefinition thing {\n  relation own: user\n}",
            "2:1 unsupported-feature"
        ),
        Case("an import without a path", "use import\nimport other\ndefinition user {}", "2:8 expected-name"),
        Case("an import without its flag", "import \"other.zed\"\ndefinition user {}", "1:1 expected-definition"),
        Case("a partial without its flag", "partial some {\n}\ndefinition user {}", "1:1 expected-definition"),
        Case("an unknown flag", "use experation\ndefinition user {}", "1:15 unknown-use-flag"),
        Case("a flag too late", "definition user {}\nuse self", "2:9 misplaced-use"),
        Case("a flag after a caveat", "caveat cav(aaa int) {\n  aaa == 1\n}\nuse self", "4:9 misplaced-use"),
        Case("self without its flag", members: "  permission view = self", "7:21 unknown-relation"),
        Case("an unknown caveat", members: "  relation own: user with cav | team | user", "7:27 unknown-caveat"),
        Case("expiration without its flag", members: "  relation own: user with expiration", "7:27 unknown-caveat"),
        Case(
            "a caveat and expiration without the flag",
            "caveat cav(aaa int) {\n  aaa == 1\n}\ndefinition user {\n  relation own: user with cav and expiration\n}",
            "5:31 expected-end"
        ),
        Case(
            "expiration before the caveat",
            "use expiration\ndefinition user {\n  relation own: user with expiration and cav\n}",
            "3:38 expected-end"
        ),
        Case(
            "expiration is a keyword after `use`",
            "use expiration\ndefinition user {\n  relation expiration: user\n}",
            "3:12 expected-name"
        ),
        Case(
            "expiration twice",
            "use expiration\ndefinition user {\n  relation own: user with expiration | user | user with expiration\n}",
            "3:47 duplicate-type"
        ),
        Case("an unknown partial", members: "  ...some", "7:3 unknown-partial"),
        Case("half a partial", "use partial\ndefinition user {\n  ...\n}", "4:1 expected-name"),
        Case(
            "partials in a circle",
            "use partial\npartial one {\n  ...two\n}\npartial two {\n  ...one\n}\ndefinition user {}",
            "6:3 partial-cycle"
        ),
        Case(
            "what is wrong in a partial is found once",
            "use partial\npartial some {\n  relation own: ghost\n}\ndefinition one {\n  ...some\n}\ndefinition two {\n  ...some\n}",
            "3:17 unknown-definition"
        ),
        Case(
            "a member twice through a partial",
            "use partial\npartial some {\n  relation own: user\n}\ndefinition user {\n  relation own: user\n  ...some\n}",
            "3:3 duplicate-relation"
        ),
        Case(
            "a definition and a partial of one name",
            "use partial\npartial user {\n}\ndefinition user {}",
            "4:1 duplicate-definition"
        ),
        Case(
            "a partial not closed",
            "use partial\npartial some {\n  relation own: user\ndefinition user {}",
            "4:1 unclosed-definition"
        ),
        Case(
            "a type that the annotation lacks",
            "use typechecking\ndefinition user {}\ndefinition team {\n  relation own: user | team\n"
                + "  permission view: user = own\n}",
            "5:20 incomplete-type-annotation"
        ),
        Case(
            "an unknown type in an annotation",
            "use typechecking\ndefinition user {\n  relation own: user\n  permission view: user | usr = own\n}",
            "4:27 unknown-definition"
        ),
    ]

    static let caveats = [
        Case("a name", "caveat {\n  true\n}\ndefinition user {}", "1:8 expected-name"),
        Case("a caveat's name", "caveat кав(aaa int) {\n  aaa == 1\n}", "1:1 invalid-name"),
        Case("no parameters", "caveat cav() {\n  true\n}\ndefinition user {}", "1:12 expected-name"),
        Case("no parentheses", "caveat cav {\n  true\n}\ndefinition user {}", "1:12 expected-mark"),
        Case("no type", "caveat cav(aaa) {\n  aaa\n}", "1:15 expected-name"),
        Case("no condition", "caveat cav(aaa int) {\n}\ndefinition user {}", "2:1 expected-condition"),
        Case("no brace", "caveat cav(aaa int)\ndefinition user {}", "1:20 expected-mark"),
        Case("not closed", "caveat cav(aaa int) {\n  aaa == 1\n\ndefinition user {}\n", "5:1 unclosed-caveat"),
        Case("a parameter's name", "caveat cav(1st int) {\n  1st == 1\n}", "1:12 invalid-name"),
        Case("a parameter twice", "caveat cav(aaa int, aaa bool) {\n  aaa == 1\n}", "1:21 duplicate-parameter"),
        Case("an unknown type", "caveat cav(aaa float) {\n  aaa == 1\n}", "1:12 unknown-parameter-type"),
        Case("a list of nothing", "caveat cav(aaa list) {\n  aaa == 1\n}", "1:12 unknown-parameter-type"),
        Case("a map of two", "caveat cav(aaa map<string, int>) {\n  aaa == 1\n}", "1:12 unknown-parameter-type"),
        Case("an open type", "caveat cav(aaa list<int) {\n  aaa == 1\n}", "1:24 expected-mark"),
        Case(
            "a caveat and a definition of one name",
            "caveat user(aaa int) {\n  aaa == 1\n}\ndefinition user {}",
            "4:1 duplicate-definition"
        ),
        Case(
            "a character without a meaning",
            "caveat cav(aaa int) {\n  aaa == 1 `\n}\ndefinition user {}",
            "2:12 invalid-character"
        ),
    ]

    /// Wrong inside the condition: the compiler of conditions has tables of its own.
    static let conditions = [
        ("aaa ==", "2:9 condition-syntax"), ("bbb == 1 && aaa == 1", "2:3 condition-unknown-name"),
        ("aaa == 1 && aaa == \"b\"", "2:19 condition-type-mismatch"), ("aaa", "2:3 condition-not-boolean"),
        ("1 == 1", "1:12 unused-parameter"),
    ].map { Case("the condition \($0)", "caveat cav(aaa int) {\n  \($0)\n}\ndefinition user {}", $1) }

    static let warnings = [
        Case("an annotation", members: "  permission view: user | team = viewer", "7:18 ignored-type-annotation"),
        Case(
            "a permission in itself",
            members: "  permission view = viewer + view",
            "7:30 permission-references-itself"
        ),
        Case(
            "an arrow to nobody",
            members: "  relation own: team\n  permission view = own->membre",
            "8:26 arrow-references-unreachable-relation"
        ),
        Case(
            "an arrow to a relation",
            members: "  relation own: team\n  permission view = own.all(member)",
            "8:29 arrow-references-relation"
        ),
        Case(
            "an arrow over usersets",
            members: "  relation own: thing#view\n  permission view = own->viewer",
            "8:21 arrow-walks-subject-relation"
        ),
        Case(
            "the definition's name in a relation's",
            members: "  relation one_thing: user\n  permission any_thing = viewer",
            "7:3 relation-name-references-parent",
            "8:3 relation-name-references-parent"
        ),
    ]

    @Test(arguments: characters + syntax + names + types + features + caveats + conditions + warnings)
    func isFound(_ wrong: Case) {
        #expect(findings(wrong.source) == wrong.findings)
        let isRefused = SchemaCompiler.analyze(wrong.source).schema == nil
        #expect(isRefused == !DiagnosticTests.warnings.contains { $0.name == wrong.name })
    }

    @Test func everyCodeIsSeen() {
        let all = [
            DiagnosticTests.characters, DiagnosticTests.syntax, DiagnosticTests.names, DiagnosticTests.types,
            DiagnosticTests.features, DiagnosticTests.caveats, DiagnosticTests.conditions, DiagnosticTests.warnings,
        ]
        let seen = Set(all.joined().flatMap(\.findings).compactMap { $0.split(separator: " ").last.map(String.init) })
        // The limits have tests of their own.
        let limits: [DiagnosticCode] = [
            .schemaTooLarge, .tooManyDefinitions, .tooManyRelations, .tooManyCaveats, .tooManyParameters,
            .expressionTooDeep, .parameterTypeTooDeep, .partialsTooDeep, .partialsTooLarge, .typeCheckTooLarge,
            .conditionTooLarge, .conditionTooDeep, .tooManyImports,
        ]
        // So have imports, and what the compiler of conditions says.
        let others: [DiagnosticCode] = [.conditionUnsupported, .importNotFound, .importNotLocal, .importCycle]
        #expect(seen.union((limits + others).map(\.rawValue)) == Set(DiagnosticCode.allCases.map(\.rawValue)))
    }

    @Test func everythingIsFoundAtOnce() {
        let source = """
            definition user {}
            definition team {
              relation member user
              relation lead: usr
              permission all = member + leed
              permission two = lead +
            }
            definition Docs {
              relation own: team#lead | team#lead
            """
        #expect(
            findings(source) == [
                "1:1 unclosed-definition", "3:19 expected-mark", "4:18 unknown-definition", "5:29 unknown-relation",
                "7:1 expected-expression", "8:1 invalid-name", "9:29 duplicate-type",
            ]
        )
    }
}
