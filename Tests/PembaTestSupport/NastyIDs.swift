// Pemba: ids that hold what marks the parts of texts.
// SPDX-License-Identifier: Apache-2.0

public import PembaCore

/// Tuples with ids made of marks, quotes, white space and characters that YAML does not hold.
public enum NastyIDs {
    private static let pieces = [
        "a", "7", " ", "  ", "#", "@", "\"", "\\", "[", "]", "{", "}", "<", ">", ",", ":", ":\"", "*", "//", " with ",
        " with {}", " => has", " is ", ">/<", "...", "[...]", "é", "e\u{301}", "日本", "\u{2028}", "\u{2029}", "\u{A0}",
        "\u{FEFF}", "\u{3000}", "\u{FFFE}", "\u{FFFF}", "\u{1F600}", "'", "`", "|", "&", "- ", " - ", "%", "$", "\\n",
        "\\u0041", "name@example.com", "-", "?", "!",
    ]

    /// An id of a few pieces that is no wildcard.
    public static func id(_ random: inout SeededRandom) -> String {
        let id = (0...random.below(4)).map { _ in pieces[random.below(pieces.count)] }.joined()
        return id == SubjectReference.wildcardID ? "**" : id
    }

    /// A text of some lines; one that is plain holds nothing that a block of YAML cannot.
    public static func text(_ random: inout SeededRandom, isPlain: Bool) -> String {
        let controls = ["\r\n", "\r", "\u{85}", "\u{7F}", "\u{1}", "\u{2028}", "\u{FEFF}"]
        let plain = pieces.filter { $0.unicodeScalars.allSatisfy { !$0.isForbiddenInYAML } } + ["\n", "\n", "\t", "  "]
        let chosen = isPlain ? plain : plain + controls
        return "//" + (0...random.below(30)).map { _ in chosen[random.below(chosen.count)] }.joined()
    }

    /// `doc:…#viewer@user:…`, sometimes with a relation of the subject, a caveat or a time.
    public static func tuple(_ random: inout SeededRandom) -> RelationTuple {
        var tuple = RelationTuple(
            resource: ObjectReference(type: "doc", id: id(&random)),
            relation: "viewer",
            subject: SubjectReference(
                type: "user",
                id: id(&random),
                relation: random.chance(1, in: 3) ? "member" : nil
            )
        )
        if random.chance(1, in: 4) {
            let context = ContextObject([("k", .string(id(&random)))])
            tuple.caveat = CaveatReference(name: "net", context: context)
        }
        if random.chance(1, in: 4) { tuple.expiresAt = Timestamp(nanoseconds: 1_000_000_000) }
        return tuple
    }
}
