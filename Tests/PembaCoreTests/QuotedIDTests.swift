// Pemba: tests of ids in quotes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

struct QuotedIDTests {
    @Test(arguments: [
        (##"doc:"a#b"#viewer@user:x"##, "a#b"), (##"doc:"a b"#viewer@user:x"##, "a b"),
        (##"doc:"say \"hi\""#viewer@user:x"##, "say \"hi\""), (##"doc:"a\\b c"#viewer@user:x"##, "a\\b c"),
        (##"doc:"a[b]"#viewer@user:x"##, "a[b]"), (##"doc:"\u2028"#viewer@user:x"##, "\u{2028}"),
        (##"doc:" "#viewer@user:x"##, " "), ("doc:a\\b#viewer@user:x", "a\\b"), ("doc:a:b@c#viewer@user:x", "a:b@c"),
    ])
    func onlyIDsThatHaveToStandInQuotes(text: String, id: String) throws {
        let tuple = try RelationTuple(parsing: text)
        #expect(tuple.resource.id == id)
        #expect(tuple.description == text)
    }

    /// Quotes that need not be there, and ids without quotes that could have them, are read all the same.
    @Test(arguments: [
        (##"doc:"a"#viewer@user:"x""##, "doc:a#viewer@user:x"),
        ("doc:a b#viewer@user:x", ##"doc:"a b"#viewer@user:x"##),
        (##"doc:"\u0061"#viewer@user:x"##, "doc:a#viewer@user:x"),
        (##"doc:a"b#viewer@user:x"##, ##"doc:"a\"b"#viewer@user:x"##),
        (##"doc:a#viewer@user:"x#y"#..."##, ##"doc:a#viewer@user:"x#y""##),
        (##"doc:a#r@b:"x]#[y"#c[net:{"a":"]#@"}]"##, ##"doc:a#r@b:"x]#[y"#c[net:{"a":"]#@"}]"##),
    ])
    func whatIsReadIsWrittenInOneWay(text: String, written: String) throws {
        #expect(try RelationTuple(parsing: text).description == written)
        #expect(try RelationTuple(parsing: written).description == written)
    }

    @Test(arguments: [
        (##"doc:"a#viewer@user:x"##, "does not end"), (##"doc:"a"b#viewer@user:x"##, "nothing follows"),
        (##"doc:"\x"#viewer@user:x"##, ##"after `\`"##), (##"doc:""#viewer@user:x"##, "at least one byte"),
        (##"doc:"a\n"#viewer@user:x"##, "control"), (##"doc:"*"#viewer@user:x"##, "a resource is one object"),
    ])
    func brokenQuotesAreRefusedWithTheRule(text: String, reason: String) {
        #expect { try RelationTuple(parsing: text) } throws: { "\($0)".contains(reason) }
    }

    @Test func anObjectHasNoRelation() throws {
        #expect { try ObjectReference(parsing: "doc:a#view") } throws: {
            "\($0)".contains("without `#`") && "\($0)".contains(##"`doc:"a#view"`"##)
        }
        #expect(try ObjectReference(parsing: ##"doc:"a#view""##).id == "a#view")
        #expect(try SubjectReference(parsing: ##"team:"a#b"#member"##).relation == "member")
    }

    @Test func filtersShowIDsTheSameWay() {
        let filter = RelationshipFilter(resourceType: "doc", resourceID: "a#b", subjectID: "x y")
        #expect(filter.description == ##"doc:"a#b"@_:"x y""##)
    }

    @Test func filtersShowWhatIsSetAndNothingElse() {
        func text(_ filter: RelationshipFilter) -> String { filter.description }
        #expect(text(RelationshipFilter(resourceType: "doc")) == "doc")
        #expect(text(RelationshipFilter(resourceType: "doc", resourceID: "a@b")) == ##"doc:"a@b""##)
        #expect(text(RelationshipFilter(resourceType: "doc", resourceID: "a@b", relation: "view")) == "doc:a@b#view")
        #expect(text(RelationshipFilter(resourceType: "doc", resourceIDPrefix: "20")) == "doc:20…")
        #expect(text(RelationshipFilter(relation: "view", subjectType: "user")) == "#view@user")
        #expect(text(RelationshipFilter(subjectType: "team", subjectRelation: .named("member"))) == "@team#member")
        #expect(text(RelationshipFilter(subjectType: "team", subjectID: "a", subjectRelation: .none)) == "@team:a#...")
        #expect(text(RelationshipFilter(resourceID: "a")) == "_:a")
        #expect(text(RelationshipFilter()) == "_")
    }

    /// Whatever an id holds, a tuple's text reads back as the tuple, as text and as bytes.
    @Test(arguments: Array(Seeds(short: 5, full: 500)))
    func everyTupleIsReadBack(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let tuple = NastyIDs.tuple(&random)
            let text = tuple.description
            #expect(try RelationTuple(parsing: text) == tuple, "\(text) \(Seeds.replay(seed, "QuotedIDTests"))")
            let bytes = try Array(text.utf8).withUnsafeBufferPointer { try RelationTuple(parsing: $0) }
            #expect(bytes == tuple, "\(text) \(Seeds.replay(seed, "QuotedIDTests"))")
        }
    }
}
