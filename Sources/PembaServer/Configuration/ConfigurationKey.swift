// Pemba: what one key of the node's configuration is.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One key of the node's configuration: everything that its three sources, its errors and its documentation need.
package struct ConfigurationKey: Sendable {
    /// What values the key takes.
    package enum Form: Sendable, Equatable {
        /// A whole number in a range; the unit is one of `ms`, `bytes`, … or empty for a plain count.
        case integer(ClosedRange<Int>, unit: String)
        /// One of several words.
        case choice([String])
        /// A file or folder; relative ones start at the configuration file's folder.
        case path
        /// `host:port`, `[host]:port` for IPv6; with `canBeOff`, also the word `off`.
        case address(canBeOff: Bool)
        /// 32 hexadecimal digits.
        case clusterID
        /// The list of members.
        case members
    }

    /// What it takes for a new value to act.
    package enum Reload: String, Sendable {
        /// The node must be started again.
        case restart
        /// The file named by the key is read again at SIGHUP; the name itself needs a restart.
        case contentAtSIGHUP = "content at SIGHUP"
    }

    /// What a key has when no source gives it a value.
    package enum Default: Sendable, Equatable {
        /// There is none: the node does not start without a value.
        case required
        /// Nothing: the feature is not used.
        case none
        /// This text, read as if a source had given it.
        case text(String)
    }

    /// The dotted name: the path in the YAML file and the argument of `--set`.
    package let name: String
    /// What values it takes.
    package let form: Form
    /// What it has when no source gives it a value.
    package let defaultValue: Default
    /// What it takes for a new value to act.
    package let reload: Reload
    /// What it does, in sentences.
    package let documentation: String

    package init(
        _ name: String,
        _ form: Form,
        default defaultValue: Default,
        reload: Reload = .restart,
        _ documentation: String
    ) {
        self.name = name
        self.form = form
        self.defaultValue = defaultValue
        self.reload = reload
        self.documentation = documentation
    }

    /// The prefix of all variables that name keys.
    package static let environmentPrefix = "PEMBA_NODE_"

    /// The environment variable that gives the key a value.
    package var environmentVariable: String {
        ConfigurationKey.environmentPrefix + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    /// The rule of the key's values, as a phrase after "must be".
    package var rule: String {
        switch form {
        case .integer(let range, let unit):
            "a whole number from \(range.lowerBound) to \(range.upperBound)" + (unit.isEmpty ? "" : " (\(unit))")
        case .choice(let words): "one of " + words.joined(separator: ", ")
        case .path: "a path"
        case .address(let canBeOff): "host:port, or [host]:port for IPv6" + (canBeOff ? ", or off" : "")
        case .clusterID: "32 lower-case hexadecimal digits"
        case .members: "a list of members, each with id (from 1), peer and client (host:port)"
        }
    }

    /// Reads a value as every source writes it; nil if it breaks the rule.
    package func parse(_ text: String) -> ConfigurationValue? {
        switch form {
        case .integer(let range, _):
            guard let number = Int(text), range.contains(number) else { return nil }
            return .integer(number)
        case .choice(let words): return words.contains(text) ? .text(text) : nil
        case .path: return text.isEmpty || text.utf8.contains(0) ? nil : .text(text)
        case .address(let canBeOff):
            if canBeOff, text == "off" { return .off }
            return (try? NetworkAddress(parsing: text)).map { .address($0) }
        case .clusterID: return ClusterID(text).map { .clusterID($0) }
        case .members: return MemberConfiguration.parseList(text).map { .members($0) }
        }
    }
}

/// A value of a key, read.
package enum ConfigurationValue: Sendable, Equatable {
    case integer(Int)
    case text(String)
    case address(NetworkAddress)
    case clusterID(ClusterID)
    case members([MemberConfiguration])
    /// The feature is switched off.
    case off
}
