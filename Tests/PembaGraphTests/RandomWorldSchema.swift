// Pemba: random schemas.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import Testing

/// A random schema as parts that can be changed, so that the schema that replaces it is like it.
///
/// Few types and many relations that refer to each other, so that nearly everything is cyclic.
struct RandomSchema {
    /// Whether tuples may carry what.
    struct Features: OptionSet {
        let rawValue: Int
        static let caveats = Features(rawValue: 1)
        static let times = Features(rawValue: 2)
        static let itself = Features(rawValue: 4)
        static let all: Features = [.caveats, .times, .itself]
    }

    /// A caveat with values for its parameters, some of which make it true and some false, as JSON.
    struct Caveat {
        var name: String
        var text: String
        var values: [(parameter: String, json: [String])]
    }

    private struct Definition {
        var name: String
        var relations: [(name: String, admitted: [String])]
        var permissions: [(name: String, expression: String)]
    }

    /// What random schemas choose from: parameters of several types, some under the same name in two caveats.
    static let pool: [Caveat] = [
        Caveat(
            name: "tier",
            text: "caveat tier(level int, least int) { level >= least }",
            values: [("level", ["1", "5", #""7""#]), ("least", ["3", "6"])]
        ),
        Caveat(
            name: "either",
            text: "caveat either(a bool, b bool) { a || b }",
            values: [("a", ["true", "false"]), ("b", ["true", "false"])]
        ),
        Caveat(
            name: "region",
            // No regions at all are all of them.
            text: """
                caveat region(region string, allowed list<string>) {
                  region == allowed[?0].orValue(region) || region in allowed
                }
                """,
            values: [("region", [#""eu""#, #""us""#]), ("allowed", [#"["eu"]"#, "[]", #"["us", "eu"]"#])]
        ),
        Caveat(
            name: "network",
            text: #"caveat network(address ipaddress) { address.in_cidr("10.0.0.0/8") }"#,
            values: [("address", [#""10.1.2.3""#, #""8.8.8.8""#])]
        ),
        Caveat(
            name: "brief",
            text: #"caveat brief(used duration) { used < duration("1h") }"#,
            values: [("used", [#""30m""#, #""2h""#])]
        ),
        Caveat(
            name: "both",
            text: "caveat both(a bool, level int) { a && level > 2 }",
            values: [("a", ["true", "false"]), ("level", ["1", "5"])]
        ),
    ]

    private static let types = ["group", "thing"]
    private static let relations = ["rel_a", "rel_b", "rel_c"]
    private static let everybody = "anybody"
    private static let parent = "parent"

    let features: Features
    private(set) var caveats: [Caveat] = []
    private var definitions: [Definition] = []

    init(_ random: inout SeededRandom, features: Features = .all) {
        self.features = features
        if features.contains(.caveats) {
            caveats = RandomSchema.pool.filter { _ in random.chance(2, in: 5) }
            if caveats.isEmpty { caveats = [RandomSchema.pool[random.below(RandomSchema.pool.count)]] }
        }
        let permissions = ["per_a", "per_b", "per_c"].prefix(1 + random.below(3))
        let names = RandomSchema.relations + permissions
        for type in RandomSchema.types {
            var definition = Definition(name: type, relations: [], permissions: [])
            definition.relations.append((RandomSchema.parent, admit(RandomSchema.types, &random)))
            let wildcards = RandomSchema.types.filter { _ in random.chance(1, in: 4) }.map { "\($0):*" }
            definition.relations.append((RandomSchema.everybody, admit(["user", "user:*"] + wildcards, &random)))
            for relation in RandomSchema.relations {
                var subjects = ["user"]
                for other in RandomSchema.types {
                    if random.chance(1, in: 3) { subjects.append(other) }
                    for name in names where random.chance(1, in: 3) { subjects.append("\(other)#\(name)") }
                }
                definition.relations.append((relation, admit(subjects, &random)))
            }
            definition.permissions = expressions(type, Array(permissions), &random)
            definitions.append(definition)
        }
    }

    /// The schema as text.
    var source: String {
        var lines: [String] = []
        if features.contains(.times) { lines.append("use expiration") }
        if features.contains(.itself) { lines.append("use self") }
        lines += caveats.map(\.text)
        lines.append("definition user {}")
        for definition in definitions {
            lines.append("definition \(definition.name) {")
            lines += definition.relations.map { "relation \($0.name): \($0.admitted.joined(separator: " | "))" }
            lines += definition.permissions.map { "permission \($0.name) = \($0.expression)" }
            lines.append("}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func compiled() throws -> CompiledSchema { try SchemaCompiler.compile(source) }

    /// The same with other expressions, and perhaps with kinds of tuples more or less, a caveat more, or a type more.
    ///
    /// Whatever it admits less, tuples may be stored that need it: then the graph has to refuse it.
    func changed(_ random: inout SeededRandom) -> RandomSchema {
        var other = self
        for place in other.definitions.indices {
            let names = other.definitions[place].permissions.map(\.name)
            if !names.isEmpty, random.chance(2, in: 3) {
                other.definitions[place].permissions = other.expressions(other.definitions[place].name, names, &random)
            }
        }
        switch random.below(6) {
        case 0:
            let definition = random.below(other.definitions.count)
            let relation = random.below(other.definitions[definition].relations.count)
            let count = other.definitions[definition].relations[relation].admitted.count
            if count > 1 { other.definitions[definition].relations[relation].admitted.remove(at: random.below(count)) }
        case 1:
            let definition = random.below(other.definitions.count)
            let relation = random.below(other.definitions[definition].relations.count)
            let known = other.definitions[definition].relations[relation].admitted
            let more = other.admit(["user"], &random).filter { !known.contains($0) }
            other.definitions[definition].relations[relation].admitted += more
        case 2:
            if features.contains(.caveats) {
                let names = Set(other.caveats.map(\.name))
                if let new = RandomSchema.pool.first(where: { !names.contains($0.name) }) {
                    other.caveats.insert(new, at: random.below(other.caveats.count + 1))
                }
            }
        case 3:
            let name = "extra"
            if let place = other.definitions.firstIndex(where: { $0.name == name }) {
                other.definitions.remove(at: place)
            } else {
                let relations = [("member", other.admit(["user", "user:*"], &random))]
                let new = Definition(name: name, relations: relations, permissions: [])
                other.definitions.insert(new, at: random.below(other.definitions.count + 1))
            }
        default: break
        }
        return other
    }

    // MARK: Parts

    /// Kinds of tuples for each subject: with and without a caveat and times, at least one of them.
    private func admit(_ subjects: [String], _ random: inout SeededRandom) -> [String] {
        subjects.flatMap { subject in
            var kinds: [String] = []
            if random.chance(2, in: 3) { kinds.append(subject) }
            if features.contains(.times), random.chance(1, in: 3) { kinds.append("\(subject) with expiration") }
            for caveat in caveats where random.chance(1, in: 3) {
                kinds.append("\(subject) with \(caveat.name)")
                if features.contains(.times), random.chance(1, in: 3) {
                    kinds.append("\(subject) with \(caveat.name) and expiration")
                }
            }
            return kinds.isEmpty ? [subject] : kinds
        }
    }

    private func expressions(
        _ type: String,
        _ permissions: [String],
        _ random: inout SeededRandom
    ) -> [(name: String, expression: String)] {
        let there = RandomSchema.relations + permissions
        return permissions.enumerated().map { place, name in
            // On the same object a permission may only use those before it; through arrows and tuples, any.
            let here = RandomSchema.relations + [RandomSchema.everybody] + permissions.prefix(place)
            return (name, expression(here, there, &random, depth: 3))
        }
    }

    private func expression(
        _ here: [String],
        _ there: [String],
        _ random: inout SeededRandom,
        depth: Int
    ) -> String {
        let name = here[random.below(here.count)]
        switch depth == 0 ? random.below(4) : random.below(9) {
        case 0, 1:
            return name
        case 2:
            let computed = random.chance(1, in: 6) ? "member" : there[random.below(there.count)]
            let arrow = [".all(\(computed))", ".any(\(computed))", "->\(computed)"][random.below(3)]
            return RandomSchema.parent + arrow
        case 3:
            if features.contains(.itself), random.chance(1, in: 2) { return "self" }
            return random.chance(1, in: 8) ? "nil" : name
        default:
            let left = expression(here, there, &random, depth: depth - 1)
            let right = expression(here, there, &random, depth: depth - 1)
            return "(\(left) \(["+", "+", "&", "-"][random.below(4)]) \(right))"
        }
    }
}
