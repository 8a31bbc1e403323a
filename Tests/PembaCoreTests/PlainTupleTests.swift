// Pemba: tests of tuples that are read as bytes.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

struct PlainTupleTests {
    private func read(_ bytes: [UInt8]) throws -> RelationTuple {
        try bytes.withUnsafeBufferPointer { try RelationTuple(parsing: $0) }
    }

    @Test(arguments: [
        "doc:1#viewer@user:a", "doc:a:b/c#viewer@user:x@y", "doc:1#viewer@user:*", "doc:1#viewer@team:t#member",
        "doc:é#viewer@user:ü", "doc:\"[1]\"#viewer@user:a", "doc:1#viewer@user:a[net:{\"a\":1}]",
    ])
    func bytesReadAsTheirText(text: String) throws {
        let tuple = try read(Array(text.utf8))
        #expect(tuple.description == text)
        #expect(try RelationTuple(parsing: text) == tuple)
    }

    @Test func theEllipsisIsNoRelation() throws {
        #expect(try read(Array("doc:1#viewer@user:a#...".utf8)).subject.relation == nil)
        #expect(try read(Array("doc:1#viewer@user:*#...".utf8)).subject.isWildcard)
    }

    @Test(arguments: [
        "", "doc", "doc:1", "doc:1#viewer", "doc:1#@user:a", ":1#viewer@user:a", "doc:#viewer@user:a",
        "doc:*#viewer@user:a", "doc:1#viewer@user", "doc:1#viewer@user:", "doc:1#viewer@:a", "doc:1#viewer@user:a#",
        "doc:1#viewer@user:*#member", "doc#viewer@user:a:b", "doc:1#viewer@user#x:a",
    ])
    func whatIsNoTupleIsRefused(text: String) {
        #expect(throws: TupleTextError.self) { try read(Array(text.utf8)) }
        #expect(throws: TupleTextError.self) { try RelationTuple(parsing: text) }
    }

    @Test func idsHaveAtMostTheirLimit() throws {
        let longest = String(repeating: "x", count: Limits.objectIDBytes)
        #expect(try read(Array("doc:\(longest)#viewer@user:a".utf8)).resource.id == longest)
        #expect(throws: TupleTextError.self) { try read(Array("doc:\(longest)x#viewer@user:a".utf8)) }
    }

    @Test func timesThatDoNotFitAreNeverAndAlways() throws {
        let tuple = try RelationTuple(
            parsing: "doc:1#viewer@user:a[expiration:2300-01-01T00:00:00Z][not_before:1500-01-01T00:00:00Z]"
        )
        #expect(tuple.expiresAt == Timestamp(nanoseconds: .max - 1))
        #expect(tuple.notBefore == Timestamp(nanoseconds: .min + 1))
    }

    @Test func bytesThatAreNoTextAreRefused() {
        #expect { try read(Array("doc:1#viewer@user:".utf8) + [0xFF]) } throws: { "\($0)".contains("UTF-8") }
    }
}
