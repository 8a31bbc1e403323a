// Pemba: loading the node's configuration.
// SPDX-License-Identifier: Apache-2.0

import Foundation

extension NodeConfiguration {
    /// Reads the file and lays variables and flags over it; opens nothing else.
    package static func load(
        file: String,
        environment: [String: String],
        overrides: [String],
        shorthands: [ConfigurationValues.Shorthand] = []
    ) throws(StartupError) -> NodeConfiguration {
        do throws(ConfigurationError) {
            let yaml = try TextFile.read(file, called: "the configuration file")
            let values = try ConfigurationValues(
                yaml: yaml,
                fileName: file,
                environment: environment,
                overrides: overrides,
                shorthands: shorthands
            )
            return try NodeConfiguration(values, relativeTo: (file as NSString).deletingLastPathComponent)
        } catch {
            throw StartupError(.configuration, error.description)
        }
    }
}
