// Pemba: loading the node's configuration.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension NodeConfiguration {
    /// Reads the file and lays variables and flags over it; opens nothing else.
    package static func load(
        file: String,
        environment: [String: String],
        overrides: [String]
    ) throws(StartupError) -> NodeConfiguration {
        let yaml: String
        do {
            yaml = try String(contentsOfFile: file, encoding: .utf8)
        } catch {
            throw StartupError(
                .configuration,
                "\(file): the configuration file cannot be read: \(error.localizedDescription)"
            )
        }
        do {
            let values = try ConfigurationValues(
                yaml: yaml,
                fileName: file,
                environment: environment,
                overrides: overrides
            )
            return try NodeConfiguration(values, relativeTo: (file as NSString).deletingLastPathComponent)
        } catch {
            throw StartupError(.configuration, error.description)
        }
    }
}
