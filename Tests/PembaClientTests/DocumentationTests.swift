// Pemba: a test that documents show code that compiles.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaTestSupport
import Testing

@Suite("The client's documentation") struct DocumentationTests {
    /// The parts of `text` between lines that `opens` and `closes` accept, without their common indentation.
    private func blocks(
        of path: String,
        opens: (String) -> Bool,
        closes: (String) -> Bool
    ) throws -> [String] {
        let file = Conformance.repository.appendingPathComponent(path)
        var blocks: [String] = []
        var current: [String]?
        for line in try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n") {
            if let lines = current {
                guard closes(line) else {
                    current?.append(line)
                    continue
                }
                let indentation = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
                blocks.append(lines.map { String($0.dropFirst(indentation)) }.joined(separator: "\n"))
                current = nil
            } else if opens(line) {
                current = []
            }
        }
        return blocks
    }

    @Test(
        "every code block is one that this target compiles, in order",
        arguments: [
            ("Sources/PembaClient/Documentation.docc/PembaClient.md", "// snippet"), ("README.md", "// readme"),
        ]
    )
    func blocksCompile(document: String, mark: String) throws {
        let shown = try blocks(of: document, opens: { $0 == "```swift" }, closes: { $0 == "```" })
        let compiled = try blocks(
            of: "Tests/PembaClientTests/Snippets.swift",
            opens: { $0.hasSuffix(mark) },
            closes: { $0.hasSuffix("// end") }
        )
        #expect(!shown.isEmpty)
        #expect(shown == compiled)
    }
}
