// Pemba: SpiceDB's end-to-end data.
// SPDX-License-Identifier: Apache-2.0

public import Foundation
import PembaCore

/// SpiceDB's end-to-end data: operations on data sets, with recorded results.
public enum Steelthread {
    /// Operations on one data set, one after the other.
    public struct Scenario: Decodable {
        /// The data set's file.
        public let datafile: String
        /// The operations.
        public let operations: [Operation]
    }

    /// One operation.
    public struct Operation: Decodable {
        /// What is done.
        public let operationName: String
        /// With what.
        public let arguments: JSON
        /// The file of the recorded result.
        public let resultsFileName: String
    }

    private static var folder: URL? { Conformance.folder?.appendingPathComponent("spicedb/steelthread") }

    /// A file of the data.
    public static func file(_ path: String) -> URL {
        (folder ?? Conformance.repository).appendingPathComponent(path)
    }

    /// A data set or a list of relationships.
    public static func data(_ name: String) -> URL { file("testdata/\(name)") }

    /// All scenarios.
    public static func scenarios() throws -> [Scenario] {
        try JSONDecoder().decode([Scenario].self, from: Data(contentsOf: file("operations.json")))
    }

    /// The lines of a recorded result, without the first, which only begins it.
    private static func lines(_ operation: Operation) throws -> [Substring] {
        try String(contentsOf: file("results/\(operation.resultsFileName)"), encoding: .utf8)
            .split(separator: "\n").filter { $0 != "---" }
    }

    /// The recorded pages of an operation; a result without pages is one page.
    public static func pages(_ operation: Operation) throws -> [[String]] {
        let lines = try lines(operation)
        let isPaged = lines.first?.hasPrefix("- -") ?? false
        var pages: [[String]] = isPaged ? [] : [[]]
        for line in lines {
            let quoted = line.split(separator: "'", omittingEmptySubsequences: false)
            guard quoted.count >= 3 else { continue }
            if isPaged, line.hasPrefix("- -") { pages.append([]) }
            pages[pages.count - 1].append(quoted[1..<quoted.count - 1].joined(separator: "'"))
        }
        return pages
    }

    /// The recorded error of an operation; nil if it is to succeed.
    public static func error(_ operation: Operation) throws -> String? {
        try lines(operation).first { $0.hasPrefix("error: ") }.map(String.init)
    }
}
