// Pemba: what a disk has lost, as recovery noticed it.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// Damage that no crash leaves, and how much of the log it takes away.
package struct StorageDamage: Sendable, Hashable, CustomStringConvertible {
    /// Whether only the last write is in doubt, or more.
    package var kind: LogDebt.Kind
    /// The file or folder in which it was noticed.
    package var path: String
    /// The byte in the file, if that helps.
    package var offset: Int?
    /// What is wrong.
    package var reason: String
    /// The last entry that is left.
    package var keptThrough: LogIndex

    /// One line for logs.
    package var description: String {
        let place = offset.map { " at byte \($0)" } ?? ""
        return "\(path)\(place): \(reason); what follows entry \(keptThrough) is lost here"
    }
}
