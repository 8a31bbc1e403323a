// Pemba: dates and times as people write them.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@Suite
struct TimestampTextTests {
    @Test func readsWhatRFC3339Allows() throws {
        let rows: [(text: String, nanoseconds: Int64, canonical: String)] = [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00.000Z", 0, "1970-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00.5Z", 500_000_000, "1970-01-01T00:00:00.5Z"),
            ("1970-01-01T00:00:00.000000001Z", 1, "1970-01-01T00:00:00.000000001Z"),
            ("1969-12-31T23:59:59.999999999Z", -1, "1969-12-31T23:59:59.999999999Z"),
            ("1970-01-01T02:00:00+02:00", 0, "1970-01-01T00:00:00Z"),
            ("1969-12-31T23:30:00-00:30", 0, "1970-01-01T00:00:00Z"),
            ("2000-02-29T12:34:56Z", 951_827_696_000_000_000, "2000-02-29T12:34:56Z"),
            ("2023-10-11T10:00:00.000Z", 1_697_018_400_000_000_000, "2023-10-11T10:00:00Z"),
            ("2262-04-11T23:47:16.854775807Z", .max, "2262-04-11T23:47:16.854775807Z"),
            ("1677-09-21T00:12:43.145224192Z", .min, "1677-09-21T00:12:43.145224192Z"),
        ]
        for row in rows {
            let timestamp = try Timestamp(rfc3339: row.text)
            #expect(timestamp == Timestamp(nanoseconds: row.nanoseconds), "\(row.text)")
            #expect(timestamp.rfc3339 == row.canonical, "\(row.text)")
        }
    }

    @Test func refusesEverythingElse() {
        let rows = [
            "", "2023-0122", "2023-01-22", "2023-01-22T01:13:00", "2023-01-22 01:13:00Z", "2023-01-22t01:13:00z",
            "2023-1-22T01:13:00Z", "2023-13-01T00:00:00Z", "2023-00-01T00:00:00Z", "2023-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z", "2023-04-31T00:00:00Z", "2023-04-00T00:00:00Z", "2023-01-01T24:00:00Z",
            "2023-01-01T00:60:00Z", "2023-01-01T00:00:60Z", "2023-01-01T00:00:00.Z", "2023-01-01T00:00:00,5Z",
            "2023-01-01T00:00:00.0000000001Z", "2023-01-01T00:00:00+0200", "2023-01-01T00:00:00+24:00",
            "2023-01-01T00:00:00+02:60", "2023-01-01T00:00:00ZZ", " 2023-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z", "+2023-01-01T00:00:00Z", "2262-04-11T23:47:16.854775808Z",
            "1677-09-21T00:12:43.145224191Z", "٢٠٢٣-01-01T00:00:00Z",
        ]
        for text in rows {
            let error = #expect(throws: TimestampTextError.self, "\(text)") { try Timestamp(rfc3339: text) }
            #expect(error?.text == text)
            #expect(error?.reason.isEmpty == false)
        }
    }

    @Test func instantsReachFromTheFirstYearToTheLast() throws {
        let first = try CivilInstant(rfc3339: "0001-01-01T00:00:00Z")
        let last = try CivilInstant(rfc3339: "9999-12-31T23:59:59.999999999Z")
        #expect(first.seconds == CivilInstant.secondsMin)
        #expect(last.seconds == CivilInstant.secondsMax)
        #expect(first.rfc3339 == "0001-01-01T00:00:00Z")
        #expect(last.rfc3339 == "9999-12-31T23:59:59.999999999Z")
        #expect(Timestamp(first) == nil)
        #expect(Timestamp(last) == nil)
        #expect(throws: TimestampTextError.self) { try CivilInstant(rfc3339: "9999-12-31T23:59:59-00:01") }
        #expect(throws: TimestampTextError.self) { try CivilInstant(rfc3339: "0001-01-01T00:00:00+00:01") }
    }

    @Test func fieldsAreThoseOfTheCalendar() throws {
        let rows: [(text: String, offset: Int, dayOfWeek: Int, dayOfYear: Int, hour: Int)] = [
            ("1970-01-01T00:00:00Z", 0, 4, 0, 0),
            ("2000-12-31T23:00:00Z", 0, 0, 365, 23),
            ("2000-12-31T23:00:00Z", 7_200, 1, 0, 1),
            ("1969-12-31T23:59:59Z", 0, 3, 364, 23),
            ("0001-01-01T00:00:00Z", 0, 1, 0, 0),
            ("2024-03-01T00:00:00Z", 0, 5, 60, 0),
        ]
        for row in rows {
            let fields = CivilFields(try CivilInstant(rfc3339: row.text), offset: row.offset)
            #expect(fields.dayOfWeek == row.dayOfWeek, "\(row)")
            #expect(fields.dayOfYear == row.dayOfYear, "\(row)")
            #expect(fields.hour == row.hour, "\(row)")
        }
    }

    @Test func everyTimestampReadsBackAsItself() throws {
        for seed in Seeds(short: 4, full: 64) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<2_000 {
                let timestamp = Timestamp(nanoseconds: Int64(bitPattern: random.next()))
                let text = timestamp.rfc3339
                #expect(
                    try Timestamp(rfc3339: text) == timestamp,
                    "\(text) \(Seeds.replay(seed, "TimestampTextTests"))"
                )
            }
        }
    }

    @Test func textsOfOneFormAreInTheOrderOfTime() throws {
        for seed in Seeds(short: 2, full: 32) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<1_000 {
                let range = UInt64(CivilInstant.secondsMax - CivilInstant.secondsMin)
                let seconds = (0..<2).map { _ in CivilInstant.secondsMin + Int64(random.below(range)) }
                let instants = seconds.compactMap { CivilInstant(seconds: $0) }
                let isBefore = instants[0].rfc3339.precedesByBytes(instants[1].rfc3339)
                #expect(isBefore == (instants[0] < instants[1]), "\(Seeds.replay(seed, "TimestampTextTests"))")
            }
        }
    }
}
