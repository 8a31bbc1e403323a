// Pemba: tests of what sessions keep of answers.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaService
import Testing

@testable import PembaReplica

@Suite struct SessionAnswerTests {
    private func bytes(_ answer: SessionAnswer) -> [UInt8] {
        var writer = ByteWriter()
        answer.encode(into: &writer)
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws -> SessionAnswer {
        try bytes.withUnsafeBytes { raw in
            var reader = ByteReader(raw)
            let answer = try SessionAnswer(reading: &reader)
            try reader.expectEnd()
            return answer
        }
    }

    private static let changes = [
        TupleUpdate(.create, CommandSamples.plain), TupleUpdate(.touch, CommandSamples.flagged),
    ]

    private static let answers: [Result<CommandOutcome, ServiceError>] = [
        .success(.written(Revision(300), WriteCounts(created: 5, touched: 6, deleted: 7))),
        .success(.deleted(Revision(300), count: 7, next: nil)),
        .success(.deleted(Revision(300), count: 0, next: CommandSamples.plain)),
        .success(.set(Revision(300), WriteCounts(of: changes), changes: changes)),
        .success(.imported(Revision(300), created: 5, existing: 6)),
        .failure(ServiceError(.alreadyExists, "there", details: [.init("tuple", "doc:1#viewer@user:a")])),
    ]

    @Test(arguments: 0..<6) func everyAnswerIsReadBack(_ place: Int) throws {
        let answer = SessionAnswer(sequence: 9, result: Self.answers[place])
        let bytes = bytes(answer)
        #expect(try read(bytes) == answer)
        for length in 0..<bytes.count {
            #expect(throws: ByteError.self) { try read(Array(bytes[..<length])) }
        }
    }

    @Test func numbersHaveTheseBytes() {
        #expect(bytes(SessionAnswer(sequence: 9, result: Self.answers[0])) == [9, 0, 0xAC, 2, 5, 6, 7])
        #expect(bytes(SessionAnswer(sequence: 9, result: Self.answers[1])) == [9, 2, 0xAC, 2, 7, 0])
        let text = ["doc", "1", "viewer", "group", "eng", "member"].flatMap { [UInt8($0.utf8.count)] + $0.utf8 }
        #expect(bytes(SessionAnswer(sequence: 9, result: Self.answers[2])) == [9, 2, 0xAC, 2, 0, 1] + text + [0])
        #expect(bytes(SessionAnswer(sequence: 9, result: Self.answers[3])).prefix(8) == [9, 3, 0xAC, 2, 1, 1, 0, 2])
        #expect(bytes(SessionAnswer(sequence: 9, result: Self.answers[4])) == [9, 4, 0xAC, 2, 5, 6])
    }

    @Test func unknownAnswersAreRefused() {
        #expect(throws: ByteError.invalidValue(field: "session answer", value: 5)) { try read([9, 5, 1]) }
    }

    @Test func ofALongSetTheCountsAreKept() {
        let changes = (0..<300).map { number in
            TupleUpdate(
                .create,
                RelationTuple(
                    resource: ObjectReference(type: "doc", id: "1"),
                    relation: "viewer",
                    subject: SubjectReference(type: "user", id: "user-\(number)")
                )
            )
        }
        for (count, isKept) in [(1, true), (50, true), (200, false), (300, false)] {
            let listed = Array(changes.prefix(count))
            let counts = WriteCounts(of: listed)
            let answer = SessionAnswer(sequence: 1, result: .success(.set(Revision(2), counts, changes: listed)))
            #expect(answer.result == .success(.set(Revision(2), counts, changes: isKept ? listed : [])))
            #expect(bytes(answer).count < 4 << 10)
        }
    }
}
