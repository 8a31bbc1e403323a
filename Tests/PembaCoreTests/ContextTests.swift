// Pemba: JSON as the context of conditions.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaTestSupport
import Testing

@Suite
struct ContextTests {
    @Test func readsJSONAndWritesItsOneForm() throws {
        let rows: [(given: String, canonical: String)] = [
            ("{}", "{}"),
            (" {\n\t\"b\" : 1 ,\r\"a\":[ ] } ", #"{"a":[],"b":1}"#),
            (#"{"n":null,"t":true,"f":false}"#, #"{"f":false,"n":null,"t":true}"#),
            (#"{"a":-0,"b":-9223372036854775808}"#, #"{"a":0,"b":-9223372036854775808}"#),
            (#"{"a":9223372036854775808}"#, #"{"a":9.223372036854776e+18}"#),
            (
                #"{"a":1.0,"b":1e2,"c":-0.0,"d":1.5E-3,"e":5e-324}"#,
                #"{"a":1.0,"b":100.0,"c":-0.0,"d":0.0015,"e":5e-324}"#
            ),
            (#"{"a":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00"}"#, #"{"a":"\"\\/\u0008\u000c\n\r\tAé😀"}"#),
            ("{\"\u{E9}\":1,\"e\u{301}\":2}", "{\"e\u{301}\":2,\"\u{E9}\":1}"),
            (#"{"":{"":[[],{},[1,[2]]]}}"#, #"{"":{"":[[],{},[1,[2]]]}}"#),
        ]
        for row in rows {
            let object = try ContextObject(parsing: row.given)
            #expect(object.json.utf8.elementsEqual(row.canonical.utf8), "\(row.given) became \(object.json)")
            #expect(try ContextObject(parsing: object.json) == object, "\(row.given)")
        }
    }

    @Test func numbersAreIntegersOnlyIfTheyAreWrittenSo() throws {
        let object = try ContextObject(parsing: #"{"a":1,"b":1.0,"c":1e0,"d":92233720368547758080}"#)
        #expect(object["a"] == .int(1))
        #expect(object["b"] == .double(1))
        #expect(object["c"] == .double(1))
        #expect(object["d"] == .double(92_233_720_368_547_758_080))
        #expect(object["e"] == nil)
    }

    @Test func refusesWhatIsNotJSONAtItsPlace() {
        let rows: [(text: String, offset: Int)] = [
            ("", 0), ("[]", 0), ("null", 0), ("{", 1), (#"{"a"}"#, 4), (#"{"a":}"#, 5), (#"{"a":1,}"#, 7),
            (#"{,}"#, 1), (#"{a:1}"#, 1), (#"{'a':1}"#, 1), (#"{"a":1}x"#, 7), (#"{"a":1 "b":2}"#, 7),
            (#"{"a":01}"#, 5), (#"{"a":-}"#, 6), (#"{"a":1.}"#, 7), (#"{"a":.5}"#, 5), (#"{"a":+1}"#, 5),
            (#"{"a":1e}"#, 7), (#"{"a":1e999}"#, 5), (#"{"a":NaN}"#, 5), (#"{"a":Infinity}"#, 5),
            (#"{"a":tru}"#, 5), (#"{"a":True}"#, 5), (#"{"a":[1,]}"#, 8), (#"{"a":[1 2]}"#, 8), (#"{"a":[1}"#, 7),
            (#"{"a":"x}"#, 8), ("{\"a\":\"\n\"}", 6), (#"{"a":"\x"}"#, 7), (#"{"a":"\u12"}"#, 8),
            (#"{"a":"\ud800"}"#, 6), (#"{"a":"\udc00"}"#, 6), (#"{"a":"\ud800\u0041"}"#, 6), (#"{"a":"\u+123"}"#, 8),
            (#"{"b":{"a":1,"a":2}}"#, 5), (#"{"a":1,"\u0061":2}"#, 0), ("{\"a\":1}\u{0}", 7), ("\u{FEFF}{}", 0),
        ]
        for row in rows {
            let error = #expect(throws: ContextTextError.self, "\(row.text)") { try ContextObject(parsing: row.text) }
            #expect(error?.offset == row.offset, "\(row.text): \(error.map { $0.description } ?? "")")
        }
    }

    @Test func depthAndSizeAreBounded() throws {
        func nested(_ depth: Int) -> String {
            #"{"a":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
        }
        _ = try ContextObject(parsing: nested(Limits.contextDepth))
        #expect(throws: ContextTextError.self) { try ContextObject(parsing: nested(Limits.contextDepth + 1)) }
        #expect(throws: ContextTextError.self) {
            try ContextObject(parsing: String(repeating: #"{"a":"#, count: 10_000), bytesMax: 1 << 20)
        }
        let padded = "{}" + String(repeating: " ", count: Limits.requestContextBytes - 2)
        _ = try ContextObject(parsing: padded, bytesMax: Limits.requestContextBytes)
        let error = #expect(throws: ContextTextError.self) {
            try ContextObject(parsing: padded + " ", bytesMax: Limits.requestContextBytes)
        }
        #expect(error?.offset == Limits.requestContextBytes)
    }

    @Test func equalityIsOfWhatWasWritten() throws {
        #expect(ContextValue.string("é") != .string("e\u{301}"))
        #expect(ContextValue.double(0) != .double(-0.0))
        #expect(ContextValue.int(1) != .double(1))
        #expect(ContextObject([("b", .int(1)), ("a", .null)]) == (try ContextObject(parsing: #"{"a":null,"b":1}"#)))
        #expect(ContextObject.empty.isEmpty)
    }

    @Test func everyObjectReadsBackAsItself() throws {
        for seed in Seeds(short: 4, full: 64) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<200 {
                let object = ContextTests.object(&random, depth: 4)
                let json = object.json
                let read = try ContextObject(parsing: json, bytesMax: json.utf8.count)
                #expect(read == object, "\(json) \(Seeds.replay(seed, "ContextTests"))")
                #expect(read.hashValue == object.hashValue, "\(Seeds.replay(seed, "ContextTests"))")
                #expect(read.json == json, "\(Seeds.replay(seed, "ContextTests"))")
            }
        }
    }

    @Test func nothingThatIsReadTraps() {
        let marks = Array("{}[]\",:\\u0123456789eE+-.tfn \u{7F}é".utf8)
        for seed in Seeds(short: 4, full: 64) {
            var random = SeededRandom(seed: seed)
            for _ in 0..<2_000 {
                var bytes = Array(ContextTests.object(&random, depth: 2).json.utf8)
                for _ in 0...random.below(4) {
                    let place = random.below(bytes.count)
                    let mark = marks[random.below(marks.count)]
                    if random.chance(1, in: 2) { bytes[place] = mark } else { bytes.insert(mark, at: place) }
                }
                // What is read is canonical; what is not is refused with a place inside the text.
                let text = String(decoding: bytes, as: UTF8.self)
                do {
                    let object = try ContextObject(parsing: text)
                    #expect(try ContextObject(parsing: object.json) == object, "\(Seeds.replay(seed, "ContextTests"))")
                } catch {
                    #expect(error.offset <= text.utf8.count, "\(Seeds.replay(seed, "ContextTests"))")
                }
            }
        }
    }

    private static func object(_ random: inout SeededRandom, depth: Int) -> ContextObject {
        let names = ["", "a", "b", "aa", "é", "e\u{301}", "\"\\\n\u{1}", "😀"]
        let pairs = names.filter { _ in random.chance(1, in: 3) }.map { ($0, value(&random, depth: depth)) }
        return ContextObject(pairs)
    }

    private static func value(_ random: inout SeededRandom, depth: Int) -> ContextValue {
        switch random.below(depth > 0 ? 8 : 6) {
        case 0: return .null
        case 1: return .bool(random.chance(1, in: 2))
        case 2: return .int(Int64(bitPattern: random.next()) >> Int64(random.below(64)))
        case 3:
            let double = Double(bitPattern: random.next())
            return .double(double.isFinite ? double : 0.1)
        case 4: return .double(Double(random.below(100)) / 4)
        case 5: return .string(["", "x", "\u{7F}\u{0}", "grüße", "\u{10FFFF}"][random.below(5)])
        case 6: return .list((0..<random.below(4)).map { _ in value(&random, depth: depth - 1) })
        default: return .object(object(&random, depth: depth - 1))
        }
    }
}
