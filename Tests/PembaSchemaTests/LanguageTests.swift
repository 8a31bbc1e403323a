// Pemba: what schemas mean.
// SPDX-License-Identifier: Apache-2.0

import PembaSchema
import Testing

/// A schema compiles to what its author wrote.
struct LanguageTests {
    /// `+` binds tightest, then `&`, then `-`; parentheses first.
    @Test(arguments: [
        ("aaa", "aaa"), ("(((aaa)))", "aaa"), ("nil", "nil"), ("aaa + nil", "aaa + nil"),
        ("aaa + bbb & ccc", "(aaa + bbb) & ccc"),
        ("aaa & bbb + ccc", "aaa & (bbb + ccc)"),
        ("aaa - bbb + ccc", "aaa - (bbb + ccc)"),
        ("aaa - bbb & ccc", "aaa - (bbb & ccc)"),
        ("aaa + bbb - ccc & aaa", "(aaa + bbb) - (ccc & aaa)"),
        ("aaa - bbb - ccc", "(aaa - bbb) - ccc"),
        ("aaa - (bbb - ccc)", "aaa - (bbb - ccc)"),
        ("aaa + bbb + ccc", "aaa + bbb + ccc"),
        ("aaa + (bbb + (ccc + aaa)) + bbb", "aaa + bbb + ccc + aaa + bbb"),
        ("(aaa & bbb) & (ccc & aaa)", "aaa & bbb & ccc & aaa"),
        ("(aaa & bbb) + ccc", "(aaa & bbb) + ccc"),
        ("par->aaa", "par->aaa"), ("par.any(aaa)", "par->aaa"), ("par.all(aaa)", "par.all(aaa)"),
        ("par->aaa + par.all(bbb) & ccc", "(par->aaa + par.all(bbb)) & ccc"),
        ("aaa +\n // why\n bbb /* and\n */ & ccc", "(aaa + bbb) & ccc"),
        ("par ->\n aaa", "par->aaa"),
    ])
    func expressionsBind(expression: String, meaning: String) throws {
        let schema = try compiled(
            """
            definition user {}
            definition thing {
              relation aaa: user
              relation bbb: user
              relation ccc: user
              relation par: thing
              permission all = \(expression)
            }
            """
        )
        #expect(try schema.text(of: "all", in: "thing") == meaning)
    }

    @Test func relationsAdmitWhatIsWritten() throws {
        let schema = try compiled(
            """
            // Types may be used before they are declared.
            definition acme/docs/thing {
              relation own: user | user:* | acme/team#member | acme/docs/thing#view |
                acme/team#...;
              permission view = own
            }

            definition user {} definition acme/team { relation member: user; }
            """
        )
        #expect(schema.definitions.map(\.name) == ["acme/docs/thing", "user", "acme/team"])
        #expect(
            schema.definitions[0].relations[0]
                == CompiledRelation(
                    name: "own",
                    kind: .relation([
                        AllowedSubject(definition: 1, form: .object), AllowedSubject(definition: 1, form: .wildcard),
                        AllowedSubject(definition: 2, form: .userset(0)),
                        AllowedSubject(definition: 0, form: .userset(1)),
                        AllowedSubject(definition: 2, form: .object),
                    ])
                )
        )
        #expect(schema.definitions[0].relations[1].kind == .permission(.computedUserset(0)))
    }

    @Test(arguments: [
        "", "\n\n", "// nothing\n", "/* nothing */", "definition user {}", "definition user {\r\n}\r\n", ";",
    ])
    func littleIsEnough(source: String) throws { _ = try compiled(source) }

    @Test func flagWordsAreNamesWithoutTheirFlag() throws {
        let words = ["expiration", "self", "partial", "import", "and", "typechecking", "use", "any", "all"]
        let members = words.map { "  relation \($0): user\n  permission can_\($0) = \($0) - \($0)\n" }.joined()
        let schema = try compiled("definition user {}\ndefinition unused {\n\(members)}\n")
        #expect(schema.definitions[1].relations.map(\.name).contains("self"))
    }

    @Test(arguments: [
        ("abc", true), ("a_1", true), ("ab", false), ("abc_", false), ("_abc", false), ("1bc", false), ("aBc", false),
        ("абв", false), (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
    ])
    func namesFollowTheRule(name: String, isLegal: Bool) {
        #expect((SchemaCompiler.analyze("definition \(name) {}").schema != nil) == isLegal)
        let member = "definition user {\n  relation \(name): user\n}"
        #expect((SchemaCompiler.analyze(member).schema != nil) == isLegal)
    }

    @Test func pathsFollowTheRule() {
        let part = String(repeating: "a", count: 63)
        #expect(findings("definition \(part)/\(part) {}").isEmpty)
        #expect(findings("definition \(part)/\(part)/bbb {}") == ["1:1 invalid-name"])
        #expect(findings("definition abc/d/efg {}") == ["1:1 invalid-name"])
    }

    /// A wildcard is judged by definition and relation: another relation of the same name elsewhere changes nothing.
    @Test func wildcardsAreKeptApartByDefinition() throws {
        _ = try compiled(
            """
            definition user {}
            definition open {
              relation member: user:*
              permission all = member
            }
            definition team {
              relation member: user
              relation parent: team
              permission all = parent->all + member
            }
            definition thing {
              relation viewer: team#member | team#all
              relation parent: open
              permission view = parent->all
            }
            """
        )
    }

    /// Inside one definition, and through a permission, a wildcard may stand behind a subject relation.
    @Test func wildcardsMayStandBehindOwnRelationsAndPermissions() throws {
        _ = try compiled(
            """
            definition user {}
            definition team {
              relation member: user:*
              relation lead: team#member
              permission all = member
            }
            definition thing {
              relation viewer: team#all
            }
            """
        )
    }

    /// Only permissions that are nothing but names can go round in a circle; other cycles have a meaning.
    @Test func cyclesWithAMeaningAreAccepted() throws {
        _ = try compiled(
            """
            definition user {}
            definition thing {
              relation own: user
              relation parent: thing
              permission one = two + own
              permission two = one
              permission all = parent->all
            }
            """
        )
    }

    @Test func theSameTextGivesTheSameSchema() throws {
        let source = "definition user {}\ndefinition thing {\n  relation own: user\n  permission view = own\n}"
        #expect(try SchemaCompiler.compile(source) == SchemaCompiler.compile(source))
        #expect(try SchemaCompiler.compile(source).source == source)
    }
}
