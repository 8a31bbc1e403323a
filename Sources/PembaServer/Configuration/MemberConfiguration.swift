// Pemba: one member of the cluster in the configuration.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// One member of the cluster as the configuration names it.
package struct MemberConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// Its permanent number.
    package var id: NodeID
    /// Where the other nodes reach it.
    package var peer: NetworkAddress
    /// Where clients reach it.
    package var client: NetworkAddress

    package init(id: NodeID, peer: NetworkAddress, client: NetworkAddress) {
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
        guard let number = UInt64(id), number > 0, let peer = try? NetworkAddress(parsing: peer),
            let client = try? NetworkAddress(parsing: client)
        else { return nil }
        self.init(id: NodeID(number), peer: peer, client: client)
    }
}
