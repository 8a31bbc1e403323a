// Pemba: test data that others wrote.
// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// The conformance data, which is not part of this repository.
public enum Conformance {
    /// The folder that `PEMBA_CONFORMANCE` names, by default `../shared/conformance` beside the repository; nil if absent.
    public static let folder: URL? = {
        let named = ProcessInfo.processInfo.environment["PEMBA_CONFORMANCE"]
        let folder =
            named.map { URL(fileURLWithPath: $0) } ?? repository.appendingPathComponent("../shared/conformance")
        return FileManager.default.fileExists(atPath: folder.path) ? folder.standardizedFileURL : nil
    }()

    /// Whether the data is there: the condition of tests that need it, which are reported as skipped otherwise.
    public static var isAvailable: Bool { folder != nil }

    /// The root of the repository.
    public static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The files in `path` below the folder whose names end with `suffix`, by name.
    public static func files(in path: String, suffix: String) -> [URL] {
        guard let folder else { return [] }
        let contents = try? FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(path),
            includingPropertiesForKeys: nil
        )
        return (contents ?? []).filter { $0.lastPathComponent.hasSuffix(suffix) }
            .sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}
