// Pemba: reading the node's configuration from file, environment and flags.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Yams

/// The values of all keys after the sources were laid over each other: file, then environment, then flags.
package struct ConfigurationValues: Sendable {
    /// What a key got and where from, for errors that concern several keys.
    struct Given: Sendable {
        var value: ConfigurationValue
        var source: String
    }

    /// An option of the command line that is short for one key.
    package struct Shorthand: Sendable {
        let option: String
        let key: String
        let value: String

        package init(_ option: String, _ key: String, _ value: String) {
            self.option = option
            self.key = key
            self.value = value
        }
    }

    private static let defaultSource = "the default"

    private var given: [String: Given] = [:]
    /// What stands for the file in errors that no key's source explains.
    let fileName: String

    /// Reads all three sources.
    ///
    /// - Parameters:
    ///   - yaml: the text of the configuration file.
    ///   - fileName: its name, for errors.
    ///   - environment: all variables; those without the prefix are not looked at.
    ///   - overrides: `key=value`, the later winning.
    ///   - shorthands: options that each give one key its value; they win over all.
    package init(
        yaml: String,
        fileName: String,
        environment: [String: String],
        overrides: [String],
        shorthands: [Shorthand] = []
    ) throws(ConfigurationError) {
        self.fileName = fileName
        try read(yaml: yaml)
        try read(environment: environment)
        for override in overrides { try read(override: override) }
        for shorthand in shorthands {
            guard let key = ConfigurationTable.key(named: shorthand.key) else {
                preconditionFailure("\(shorthand.option) is short for no key")
            }
            try set(key, shorthand.value, source: shorthand.option)
        }
        for key in ConfigurationTable.keys where given[key.name] == nil { try applyDefault(of: key) }
    }

    /// What `key` got; nil if it got nothing and has no default.
    subscript(name: String) -> Given? {
        precondition(ConfigurationTable.key(named: name) != nil, "\(name) is not in the configuration table")
        return given[name]
    }

    /// The number of a key that always has one.
    func integer(_ name: String) -> Int {
        guard case .integer(let number)? = self[name]?.value else { preconditionFailure("\(name) is no number") }
        return number
    }

    /// The word or path of a key; nil if it has none.
    func text(_ name: String) -> String? {
        guard case .text(let text)? = self[name]?.value else { return nil }
        return text
    }

    /// The address of a key; nil if it is off.
    func address(_ name: String) -> NetworkAddress? {
        guard case .address(let address)? = self[name]?.value else { return nil }
        return address
    }

    /// Demands that a number is at least another one, or twice that.
    func require(_ name: String, isAtLeast other: String, twice isTwice: Bool = false) throws(ConfigurationError) {
        guard integer(name) < integer(other) * (isTwice ? 2 : 1) else { return }
        func value(of name: String) -> String { "is \(integer(name)) (\(source(of: name)))" }
        // A default is nobody's mistake.
        let sources = [name, other].map(source(of:))
        throw ConfigurationError(
            source: sources.first { $0 != ConfigurationValues.defaultSource } ?? fileName,
            message: "\(name) \(value(of: name)); it must be at least \(isTwice ? "twice " : "")\(other), which "
                + value(of: other)
        )
    }

    /// Where a key has its value from.
    func source(of name: String) -> String { self[name]?.source ?? fileName }

    private mutating func applyDefault(of key: ConfigurationKey) throws(ConfigurationError) {
        switch key.defaultValue {
        case .none: return
        case .required:
            throw ConfigurationError(
                source: fileName,
                message: "\(key.name) is missing and has no default; it must be \(key.rule)"
            )
        case .text(let text):
            guard let value = key.parse(text) else { preconditionFailure("the default of \(key.name) breaks its rule") }
            given[key.name] = Given(value: value, source: ConfigurationValues.defaultSource)
        }
    }

    private mutating func set(_ key: ConfigurationKey, _ text: String, source: String) throws(ConfigurationError) {
        guard let value = key.parse(text) else { throw .wrongValue(text, of: key, source: source) }
        given[key.name] = Given(value: value, source: source)
    }

    private mutating func read(environment: [String: String]) throws(ConfigurationError) {
        // Sorted, so that of several mistakes always the same is reported.
        for (variable, text) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix(ConfigurationKey.environmentPrefix) {
            guard let key = ConfigurationTable.key(ofVariable: variable) else {
                let variables = ConfigurationTable.keys.map(\.environmentVariable)
                let nearest = variables.min { EditDistance.between($0, variable) < EditDistance.between($1, variable) }
                throw ConfigurationError(
                    source: variable,
                    message: "no configuration key has this variable; the nearest is \(nearest ?? "none")"
                )
            }
            try set(key, text, source: variable)
        }
    }

    private mutating func read(override: String) throws(ConfigurationError) {
        let source = "--set \(override)"
        guard let equals = override.firstIndex(of: "=") else {
            throw ConfigurationError(source: source, message: "must be key=value")
        }
        let name = String(override[..<equals])
        guard let key = ConfigurationTable.key(named: name) else { throw .unknownKey(name, source: "--set") }
        try set(key, String(override[override.index(after: equals)...]), source: "--set")
    }
}

// MARK: - The file

extension ConfigurationValues {
    private mutating func read(yaml: String) throws(ConfigurationError) {
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError(source: fileName, message: ConfigurationValues.explain(error))
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root else {
            throw ConfigurationError(source: place(of: root), message: "the configuration must be a mapping of keys")
        }
        try read(mapping, below: "")
    }

    /// YAML's errors are several lines long; their first sentence and place are enough.
    static func explain(_ error: any Error) -> String {
        let lines = "\(error)".split(separator: "\n").map { $0.trimmingPrefix(while: { $0 == " " }) }
        let text = lines.filter { !$0.isEmpty && $0 != "^" }.joined(separator: " ")
        return "not valid YAML: \(text)"
    }

    private func place(of node: Yams.Node) -> String { node.mark.map { "\(fileName):\($0.line)" } ?? fileName }

    private mutating func read(_ mapping: Yams.Node.Mapping, below path: String) throws(ConfigurationError) {
        for (keyNode, node) in mapping {
            guard let word = keyNode.string else {
                throw ConfigurationError(source: place(of: keyNode), message: "a key must be a word")
            }
            let name = path.isEmpty ? word : "\(path).\(word)"
            if let key = ConfigurationTable.key(named: name) {
                try read(node, of: key, at: place(of: keyNode))
            } else if ConfigurationTable.keys.contains(where: { $0.name.hasPrefix("\(name).") }) {
                try readSection(node, named: name)
            } else {
                throw .unknownKey(name, source: place(of: keyNode))
            }
        }
    }

    private mutating func readSection(_ node: Yams.Node, named name: String) throws(ConfigurationError) {
        switch node {
        case .mapping(let section): try read(section, below: name)
        case .scalar(let scalar) where scalar.string.isEmpty: return
        default:
            throw ConfigurationError(source: place(of: node), message: "'\(name)' must be a mapping of keys")
        }
    }

    private mutating func read(_ node: Yams.Node, of key: ConfigurationKey, at place: String) throws(ConfigurationError)
    {
        switch (node, key.form) {
        case (.scalar(let scalar), _): try set(key, scalar.string, source: place)
        case (.sequence(let sequence), .members):
            var members: [MemberConfiguration] = []
            for item in sequence { members.append(try readMember(item, of: key)) }
            given[key.name] = Given(value: .members(members), source: place)
        default: throw .wrongValue("a list or mapping", of: key, source: place)
        }
    }

    private func readMember(
        _ node: Yams.Node,
        of key: ConfigurationKey
    ) throws(ConfigurationError) -> MemberConfiguration {
        guard case .mapping(let mapping) = node else {
            throw .wrongValue(node.string ?? "a list", of: key, source: place(of: node))
        }
        var fields: [String: String] = [:]
        for (keyNode, value) in mapping {
            guard let name = keyNode.string, ["id", "peer", "client"].contains(name) else {
                throw .unknownKey("members.\(keyNode.string ?? "?")", source: place(of: keyNode))
            }
            guard let text = value.string else { throw .wrongValue("not a word", of: key, source: place(of: keyNode)) }
            fields[name] = text
        }
        let text = ["id", "peer", "client"].map { "\($0): \(fields[$0] ?? "missing")" }.joined(separator: ", ")
        let member = MemberConfiguration(
            id: fields["id"] ?? "",
            peer: fields["peer"] ?? "",
            client: fields["client"] ?? ""
        )
        guard let member else { throw .wrongValue("{\(text)}", of: key, source: place(of: node)) }
        return member
    }
}
