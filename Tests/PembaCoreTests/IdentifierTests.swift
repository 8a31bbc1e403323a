// Pemba: tests of identifiers, zookies and tuple text.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

struct IdentifierTests {
    private let cluster = ClusterID(high: 0x0123_4567_89AB_CDEF, low: 0x42)

    @Test func clusterIDsHaveOneText() {
        #expect(cluster.description == "0123456789abcdef0000000000000042")
        #expect(ClusterID(cluster.description) == cluster)
        #expect(ClusterID("0123456789ABCDEF0000000000000042") == nil)
        #expect(ClusterID("0123") == nil)
    }

    @Test func zookiesRoundTripAsText() {
        let zookie = Zookie(cluster: cluster, epoch: .first, revision: Revision(77))
        #expect(zookie.bytes.count == Zookie.encodedSize)
        #expect(Zookie(zookie.description) == zookie)
    }

    @Test func aZookieHasTheseBytes() {
        let zookie = Zookie(cluster: cluster, epoch: .first, revision: Revision(77))
        #expect(zookie.bytes.prefix(17) == [1, 0x67, 0x45, 0x23, 0x01, 1, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func everyChangedBitOfAZookieIsNoticed() {
        let bytes = Zookie(cluster: cluster, epoch: .first, revision: Revision(77)).bytes
        for bit in 0..<(bytes.count * 8) {
            var changed = bytes
            changed[bit / 8] ^= UInt8(1 << (bit % 8))
            #expect(Zookie(Base64URL.encode(changed)) == nil, "bit \(bit)")
        }
        #expect(Zookie("") == nil)
        #expect(Zookie("garbage") == nil)
    }

    @Test func timesSaturate() {
        #expect(Instant.distantFuture + .seconds(1) == .distantFuture)
        #expect(Instant.zero - Instant(nanoseconds: 5) == .zero)
    }
}

struct TupleTextTests {
    @Test(arguments: [
        "document:firstdoc#viewer@user:tom", "group:everyone#member@group:engineering#member", "a/b:1#r@user:*",
        "doc:a:b#r@user:c:d", "doc:ü/_|-=+#r@user:日本",
    ])
    func tuplesRoundTrip(text: String) throws {
        #expect(try RelationTuple(parsing: text).description == text)
    }

    @Test func ellipsisIsNoSubjectRelation() throws {
        #expect(try RelationTuple(parsing: "a:1#r@b:2#...") == RelationTuple(parsing: "a:1#r@b:2"))
    }

    @Test(arguments: [
        ("", "there is no `#`"), ("a:1", "there is no `#`"), ("a:1#r", "no `@`"), ("a#r@b:1", "no `:`"),
        (":1#r@b:1", "type before `:` is empty"), ("a:#r@b:1", "at least one byte"), ("a:1#@b:1", "relation after `#`"),
        ("a:1#r@b:1#", "relation after `#`"), ("a:*#r@b:1", "a resource is one object"), ("a:1#r@b:*#c", "wildcard"),
        ("a:1#r@b:x\u{7}", "control"), ("a:1#r@b:1[c", "a `]` is missing"), ("a:1#r@b:1[]", "name of the caveat"),
        ("a:1#r@b:1[c:{]", "context of caveat `c`"), ("a:1#r@b:1[c][d]", "out of place"),
        ("a:1#r@b:1[c]x", "follows a `]`"),
        ("a:1#r@b:1[expiration:2026-01-01T00:00:00Z][c]", "out of place"), ("a:1#r@b:1[expiration:soon]", "soon"),
    ])
    func brokenTuplesAreRefusedWithTheRule(text: String, reason: String) {
        #expect { try RelationTuple(parsing: text) } throws: { "\($0)".contains(reason) }
    }

    /// Unicode's category Cc, and nothing beside it.
    @Test func idsHaveNoControlCharacters() {
        for value in (0...UInt32(0x2FF)) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isControl = scalar.properties.generalCategory == .control
            for id in ["\(scalar)", "a\(scalar)", "\(scalar)é"] {
                #expect((ObjectReference.problem(ofID: id) != nil) == isControl, "U+\(String(value, radix: 16))")
            }
        }
    }

    @Test func idsOverTheLimitAreRefused() {
        let long = String(repeating: "x", count: 1_025)
        #expect { try ObjectReference(parsing: "a:\(long)") } throws: { "\($0)".contains("1024") }
    }

    /// Swift's strings compare by canonical equivalence; ids are bytes.
    @Test func canonicallyEquivalentIDsAreDifferent() {
        let composed = ObjectReference(type: "user", id: "\u{E9}")
        let decomposed = ObjectReference(type: "user", id: "e\u{301}")
        #expect(composed.id == decomposed.id)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test func filtersCompareWhatIsSet() throws {
        let tuple = try RelationTuple(parsing: "doc:abc#viewer@group:eng#member")
        #expect(RelationshipFilter().matches(tuple))
        #expect(RelationshipFilter(resourceType: "doc", resourceIDPrefix: "ab").matches(tuple))
        #expect(!RelationshipFilter(resourceIDPrefix: "b").matches(tuple))
        #expect(RelationshipFilter(subjectRelation: .named("member")).matches(tuple))
        #expect(!RelationshipFilter(subjectRelation: .none).matches(tuple))
        #expect(!RelationshipFilter(subjectID: "eng", subjectRelation: .named("owner")).matches(tuple))
    }
}
