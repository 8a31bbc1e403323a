// Pemba: where something listens.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// A host (name, IPv4 or IPv6 address) and a TCP port; port 0 lets the kernel choose when listening.
package struct HostPort: Sendable, Hashable, CustomStringConvertible {
    /// The name or address, without brackets.
    package var host: String
    /// The port.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[host]:port`; nil for anything else.
    ///
    /// IPv6 addresses need the brackets.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        let allowed = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        guard !host.isEmpty, allowed else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// `host:port`, with brackets around IPv6 addresses.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// One member of the cluster as the configuration names it.
package struct MemberConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// Its permanent number.
    package var id: NodeID
    /// Where the other nodes reach it.
    package var peer: HostPort
    /// Where clients reach it.
    package var client: HostPort

    package init(id: NodeID, peer: HostPort, client: HostPort) {
        self.id = id
        self.peer = peer
        self.client = client
    }

    /// The member as `parseList` reads it.
    package var description: String { "\(id)=\(peer)/\(client)" }

    /// Reads `1=peer/client,2=peer/client`: the form of variables and flags; nil for anything else.
    package static func parseList(_ text: String) -> [MemberConfiguration]? {
        var members: [MemberConfiguration] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let equals = part.firstIndex(of: "="), let slash = part.firstIndex(of: "/"), equals < slash else {
                return nil
            }
            let member = MemberConfiguration(
                id: String(part[..<equals]),
                peer: String(part[part.index(after: equals)..<slash]),
                client: String(part[part.index(after: slash)...])
            )
            guard let member else { return nil }
            members.append(member)
        }
        return members
    }

    /// Reads the three fields of a member; nil if one breaks its rule.
    package init?(id: String, peer: String, client: String) {
        guard let number = UInt64(id), number > 0, let peer = HostPort(peer), let client = HostPort(client) else {
            return nil
        }
        self.init(id: NodeID(number), peer: peer, client: client)
    }
}
