// Pemba: the project's own validation files.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The validation files in `Tests/Cases`.
public enum OwnCases {
    /// Their folder.
    public static let folder = Conformance.repository.appendingPathComponent("Tests/Cases").path

    /// The files, by name.
    public static let files: [String] = ["features", "upstream"].flatMap { part in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)")) ?? []
        return names.filter { $0.hasSuffix(".yaml") }.sorted().map { "\(folder)/\(part)/\($0)" }
    }
}
