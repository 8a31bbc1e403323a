// Pemba: why a snapshot cannot be loaded.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// Why the blocks of a snapshot do not make a state.
package enum SnapshotError: Error, Equatable, Sendable {
    /// A block cannot be decoded.
    case undecodable(ByteError)
    /// The blocks contradict themselves or a rule.
    case malformed(String)
    /// What was loaded is not what was saved: the hashes differ.
    case contentMismatch

    /// Decodes, and says so if that fails.
    static func decoding<Content>(_ body: () throws(ByteError) -> Content) throws(SnapshotError) -> Content {
        do {
            return try body()
        } catch {
            throw .undecodable(error)
        }
    }
}
