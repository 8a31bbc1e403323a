// Pemba: garbage in, diagnostics out.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaSchema
import PembaTestSupport
import Testing

/// Whatever is given, the compiler ends, with a schema or with errors that point into the source.
struct FuzzTests {
    private static let valid = """
        // Comment
        use expiration
        use self use partial use typechecking
        definition user {} // So
        partial some {
          relation other: user
        }
        /** Doc */
        definition acme/team {
          relation member: user | user:* | acme/team#member with expiration | user#... // c
            ;
          permission all: user = member + (nil - member) & member
          ...some
        }
        caveat tier(level int, other list<map<string>>) {
          level > 3 && "a\\"" == 'b' &&
              other == [{}] // c
        }
        definition thing {
          relation parent: thing | acme/team#...;
          relation viewer: user with tier and expiration
          permission view = (viewer + parent->view - parent.all(view)) &
            /* or */ parent.any(view) + self
        }
        """

    /// Pieces that are likely to meet rare branches.
    private static let pieces = [
        "{", "}", "(", ")", "+", "-", "&", "|", "->", ".", "...", ":", "*", "#", "=", ";", "/", "//", "/*", "*/", "\"",
        "'''", "\n", "\r\n", " ", "nil", "with", "self", "and", "definition ", "relation ", "permission ", "caveat ",
        "partial ", "import ", "use self\n", "use import\n", "use partial\n", "user", ",", "<", ">", "\\",
        "// spicedb-ignore-warning: x\n", "/** a\n * b\n */", "é", "\u{301}", "\u{1F469}\u{200D}\u{1F4BB}", "\u{0}",
        "@",
    ]

    private static func mutated(_ source: String, with random: inout SeededRandom) -> String {
        var scalars = Array(source.unicodeScalars)
        for _ in 0...random.below(8) {
            let start = random.below(scalars.count + 1)
            let end = min(scalars.count, start + random.below(12))
            switch random.below(4) {
            case 0: scalars.removeSubrange(start..<end)
            case 1: scalars.insert(contentsOf: pieces[random.below(pieces.count)].unicodeScalars, at: start)
            case 2: scalars.replaceSubrange(start..<end, with: pieces[random.below(pieces.count)].unicodeScalars)
            default: scalars.insert(contentsOf: scalars[start..<end], at: random.below(scalars.count + 1))
            }
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private func check(_ source: String, _ seed: UInt64) {
        let analysis = SchemaCompiler.analyze(source)
        let hasErrors = analysis.diagnostics.contains { $0.severity == .error }
        let replay = Comment(rawValue: Seeds.replay(seed, "FuzzTests"))
        #expect((analysis.schema == nil) == hasErrors, replay)
        let byteCount = source.utf8.count
        if let form = try? SchemaFormatter.format(source) {
            #expect((try? SchemaFormatter.format(form)) == form, replay)
            let again = SchemaCompiler.analyze(form)
            #expect(again.diagnostics.map(\.code) == analysis.diagnostics.map(\.code), replay)
        }
        for diagnostic in analysis.diagnostics {
            let range = diagnostic.range
            #expect(range.start.offset <= range.end.offset && range.end.offset <= byteCount, replay)
            #expect(
                diagnostic.excerpt.markStart + diagnostic.excerpt.markCount
                    <= diagnostic.excerpt.text.unicodeScalars.count + 1,
                replay
            )
            #expect(diagnostic.rendered(file: "schema").utf8.count < 4_096, replay)
        }
    }

    @Test func mutationsOfASchema() {
        for seed in Seeds(short: 2_000, full: 100_000) {
            var random = SeededRandom(seed: seed)
            check(FuzzTests.mutated(FuzzTests.valid, with: &random), seed)
        }
    }

    @Test func piecesInAnyOrder() {
        for seed in Seeds(short: 500, full: 20_000) {
            var random = SeededRandom(seed: seed)
            let pieces = (0..<random.below(200)).map { _ in FuzzTests.pieces[random.below(FuzzTests.pieces.count)] }
            check(pieces.joined(), seed)
            check("definition user {\n permission view = " + pieces.joined(separator: " "), seed)
        }
    }

    @Test func muchOfOnePiece() {
        for piece in FuzzTests.pieces {
            for start in ["", "definition user {\n  permission view = ", "definition user {\n  relation own: "] {
                check(start + String(repeating: piece, count: 8_000), 0)
            }
        }
    }
}
