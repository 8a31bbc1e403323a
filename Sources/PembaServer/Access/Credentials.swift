// Pemba: the bearer keys that a node accepts.
// SPDX-License-Identifier: Apache-2.0

package import PembaService
import PembaTLS
import Yams

/// The bearer keys of the credentials file.
///
/// Keys are known by their SHA-256 only: whoever reads the file, a core dump or a log learns none.
package struct Credentials: Sendable {
    /// A key, by its digest, with the name that audit events call its holder and what it may do.
    struct Key: Sendable, Equatable {
        var name: String
        var roles: Roles
        var digest: [UInt8]
    }

    /// Keys in one file.
    package static let keysMax = 4_096

    private let keys: [Key]

    /// No key is accepted.
    package static let none = Credentials(keys: [])

    private init(keys: [Key]) { self.keys = keys }

    /// Loads a credentials file.
    package static func load(_ path: String) throws(ConfigurationError) -> Credentials {
        let yaml = try TextFile.read(path, called: "the credentials file")
        return try Credentials(yaml: yaml, fileName: path)
    }

    /// Reads the text of a credentials file.
    package init(yaml: String, fileName: String) throws(ConfigurationError) {
        func refuse(_ node: Yams.Node?, _ message: String) -> ConfigurationError {
            let place = node?.mark.map { "\(fileName):\($0.line)" } ?? fileName
            return ConfigurationError(source: place, message: message)
        }
        let root: Yams.Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw refuse(nil, ConfigurationValues.explain(error))
        }
        guard let root else {
            keys = []
            return
        }
        guard case .sequence(let items) = root else {
            throw refuse(root, "credentials must be a list of {name, roles, sha256}")
        }
        guard items.count <= Credentials.keysMax else {
            throw refuse(root, "there are \(items.count) credentials; at most \(Credentials.keysMax) are possible")
        }
        var keys: [Key] = []
        for item in items {
            let key = try Credentials.readKey(item, refuse)
            guard !keys.contains(where: { $0.name == key.name || $0.digest == key.digest }) else {
                throw refuse(item, "the credential '\(key.name)' or its key stands twice in the file")
            }
            keys.append(key)
        }
        self.keys = keys
    }

    /// The holder of a key and what it may do; nil for a key that is not known.
    ///
    /// Every digest is compared, each in constant time: how long it takes tells nothing about the known keys.
    package func holder(of bearerKey: String) -> (name: String, roles: Roles)? {
        let digest = SHA256.digest([UInt8](bearerKey.utf8))
        var found: Key?
        for key in keys where SHA256.matches(key.digest, digest) { found = key }
        return found.map { ($0.name, $0.roles) }
    }

    private static func readKey(
        _ node: Yams.Node,
        _ refuse: (Yams.Node?, String) -> ConfigurationError
    ) throws(ConfigurationError) -> Key {
        guard case .mapping(let mapping) = node else { throw refuse(node, "a credential is {name, roles, sha256}") }
        var fields: [String: String] = [:]
        for (name, value) in mapping {
            guard let name = name.string, ["name", "roles", "sha256"].contains(name), let text = value.string else {
                throw refuse(name, "a credential has the fields name, roles and sha256 and no other")
            }
            fields[name] = text
        }
        guard let name = fields["name"], PeerIdentity.isClientName(name) else {
            throw refuse(node, "name must be 1 to 64 letters, digits, dots, hyphens and underscores")
        }
        guard let roles = fields["roles"].flatMap({ Roles(names: $0) }) else {
            throw refuse(node, "roles of '\(name)' must be some of read, write, schema, admin, joined by +")
        }
        guard let digest = fields["sha256"].flatMap(Credentials.hexadecimal), digest.count == SHA256.digestBytes else {
            throw refuse(
                node,
                "sha256 of '\(name)' must be 64 hexadecimal digits: the digest of the key, never the key"
            )
        }
        return Key(name: name, roles: roles, digest: digest)
    }

    private static func hexadecimal(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
