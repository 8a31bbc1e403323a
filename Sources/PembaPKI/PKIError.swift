// Pemba: what can go wrong when certificates are issued.
// SPDX-License-Identifier: Apache-2.0

package import PembaTLS

/// Why a certificate could not be issued or stored.
package enum PKIError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A client's name that cannot stand in a certificate.
    case invalidClientName(String)
    /// A client that may do nothing.
    case noRoles
    /// A host name or address that cannot stand in a certificate.
    case invalidHost(String)
    /// A validity that ends before it begins, or lies outside the years 1950 to 9999.
    case invalidValidity
    /// The certificate is not that of an authority.
    case notAnAuthority(source: String)
    /// A file could not be written.
    case unwritableFile(path: String, reason: String)
    /// A file could not be read, or does not hold what it should, or the library failed.
    case tls(TLSError)

    /// A sentence for people.
    package var description: String {
        switch self {
        case .invalidClientName(let name):
            "`\(name)` cannot name a client: 1 to \(PeerIdentity.clientNameBytes) letters, digits, `.`, `-` and `_`"
        case .noRoles: "a client needs at least one role: read, write, schema or admin"
        case .invalidHost(let host): "`\(host)` is neither a host name nor an address"
        case .invalidValidity: "the validity ends before it begins, or lies outside the years 1950 to 9999"
        case .notAnAuthority(let source): "the certificate \(source) is not that of a certificate authority"
        case .unwritableFile(let path, let reason): "cannot write \(path): \(reason)"
        case .tls(let error): error.description
        }
    }
}
