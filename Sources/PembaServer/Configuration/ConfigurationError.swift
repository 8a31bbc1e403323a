// Pemba: what is wrong with a configuration.
// SPDX-License-Identifier: Apache-2.0

/// The first thing wrong with a configuration: which source, which key, which value, which rule.
///
/// Nothing was opened.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// Where the mistake stands: `pemba.yaml:12`, `PEMBA_NODE_LOG_LEVEL`, `--set`, or the file alone.
    package var source: String
    /// What is wrong and what to do, in one sentence.
    package var message: String

    package init(source: String, message: String) {
        self.source = source
        self.message = message
    }

    /// One line for standard error.
    package var description: String { "\(source): \(message)" }

    /// A name that is not a key, with the nearest one that is.
    static func unknownKey(_ name: String, source: String) -> ConfigurationError {
        let nearest = ConfigurationTable.nearest(to: name)
        let hint = nearest.map { "did you mean '\($0)'?" } ?? "see pembad --print-configuration"
        return ConfigurationError(source: source, message: "'\(name)' is not a configuration key; \(hint)")
    }

    /// A value that breaks its key's rule.
    static func wrongValue(_ value: String, of key: ConfigurationKey, source: String) -> ConfigurationError {
        ConfigurationError(source: source, message: "\(key.name) is '\(value)'; it must be \(key.rule)")
    }
}
